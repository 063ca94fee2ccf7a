"""How much a request asks for: solves or simulations, and numbers that are held at once."""

from __future__ import annotations

from dataclasses import dataclass

from bioxen.protocol.kinetic import (
    MOST_BUCKETS,
    ContinuationRequest,
    EstimationRequest,
    KineticBatchRequest,
    KineticRequest,
    MembersRequest,
    PetabRequest,
    SampledRequest,
    SensitivityRequest,
    TimedRequest,
)
from bioxen.protocol.metabolic import (
    BatchRequest,
    BlockedReactionsRequest,
    DoubleDeletionRequest,
    DoubleGeneDeletionRequest,
    DoubleReactionDeletionRequest,
    DynamicFbaRequest,
    EssentialGenesRequest,
    EssentialReactionsRequest,
    FvaRequest,
    GeneDeletionRequest,
    LooplessFvaRequest,
    PhasePlaneRequest,
    ProductionEnvelopeRequest,
    ReactionDeletionRequest,
    RobustnessRequest,
    SamplingRequest,
)
from bioxen.protocol.processes import find_process
from bioxen.protocol.request import ComputeRequest
from bioxen.server.admission.sizes import ModelSize
from bioxen.server.orchestrator.cutting import DOUBLE_PARTS

ARRAY, PLAIN = 24, 100
"""Bytes that a number takes where it is put together: in arrays and their text, or in lists and JSON."""
AT_ONCE = 2
"""Copies of a block's time courses in a worker."""
TEXT_TIMES = 45
"""Bytes that a model takes for each character of its text, read and compiled: measured on iJO1366."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a request asks for."""

    kind: str
    """What is remembered together: the process, and the way it computes."""
    units: int
    """Solves or simulations."""
    part_bytes: int
    """Memory of the largest part in a worker, beside the model."""
    whole_bytes: int
    """Memory of the whole result where it is put together."""


def work_of(request: ComputeRequest, size: ModelSize) -> Work:
    """Return what `request` asks for on a model of that size."""
    kind = _code(request)
    if isinstance(request, MembersRequest):
        return _study(kind, request, size)
    if isinstance(request, BatchRequest):
        return _batch(kind, request, size)
    if isinstance(request, DoubleDeletionRequest):
        return _double(kind, request, size)
    units = _kinetic_units(request, size) if isinstance(request, KineticRequest) else _units(request, size)
    numbers = _numbers(request, size)
    return Work(kind, max(1, units), PLAIN * numbers, PLAIN * numbers)


def model_bytes(size: ModelSize) -> int:
    """Return the memory that a worker needs to read and compile the model, about."""
    return TEXT_TIMES * size.text


def _code(request: ComputeRequest) -> str:
    code = str(getattr(request, "process_code"))  # noqa: B009 - each kind declares its own codes
    process = find_process(code)
    return process.code if process else code


def _study(kind: str, request: MembersRequest, size: ModelSize) -> Work:
    outputs = len(request.outputs) if request.outputs else max(1, size.species)
    if isinstance(request, KineticBatchRequest) and request.analysis is not None:
        return _analyses(kind, request, request.analysis, size)
    method = request.method if isinstance(request, SampledRequest) else "ode"
    count, block = len(request.members_of_part), min(request.block_size, request.member_count)
    each = outputs * (len(request.sends_features) + (request.points if request.sends_values else 0))
    plain = request.encoding == "numbers" and request.kept != "summary"
    return Work(
        f"{kind} {method} {request.engine}",
        count,
        part_bytes=8 * AT_ONCE * block * request.points * outputs,
        whole_bytes=(PLAIN if plain else ARRAY) * count * each + _totals(request, count, outputs),
    )


def _analyses(kind: str, request: KineticBatchRequest, inner: KineticRequest, size: ModelSize) -> Work:
    count, numbers = len(request.members_of_part), PLAIN * _numbers(inner, size)
    return Work(
        f"{kind} {_code(inner)}",
        count * max(1, _kinetic_units(inner, size)),
        part_bytes=numbers * min(count, request.block_size),
        whole_bytes=numbers * count,
    )


def _totals(request: MembersRequest, count: int, outputs: int) -> int:
    """Return the bytes of the totals of a summary: they do not grow with the members for long."""
    if not isinstance(request, SampledRequest) or request.report != "summary":
        return 0
    buckets = min(count, MOST_BUCKETS) if request.sketches else 0
    return ARRAY * outputs * request.points * (1 + len(request.quantiles) + AT_ONCE * buckets)


def _batch(kind: str, request: BatchRequest, size: ModelSize) -> Work:
    inner, count = request.analysis, len(request.variants)
    units = 1 if inner is None else max(1, _units(inner, size))
    fluxes = len(request.reactions) if request.reactions is not None else size.reactions
    # What is reported where the request leaves it open: objectives of FBA, whole results of another analysis.
    each = 1 if (request.report or ("results" if inner else "objective")) == "objective" else max(1, fluxes)
    from_parts = PLAIN * count * each
    return Work(f"{kind} {_code(inner)}" if inner else kind, count * units, from_parts, from_parts)


def _double(kind: str, request: DoubleDeletionRequest, size: ModelSize) -> Work:
    pairs = _pairs(request, size)
    kept = 2 * pairs if request.report == "all" else 4 * size.weight
    whole = (ARRAY if request.packed else PLAIN) * kept
    return Work(kind, max(1, pairs), whole // DOUBLE_PARTS, whole)


def _units(request: ComputeRequest, size: ModelSize) -> int:
    """Return the solves of a metabolic analysis, in the units of its own kind."""
    if isinstance(request, GeneDeletionRequest | EssentialGenesRequest):
        return size.genes if request.genes is None else len(request.genes)
    if isinstance(
        request,
        FvaRequest
        | LooplessFvaRequest
        | BlockedReactionsRequest
        | ReactionDeletionRequest
        | EssentialReactionsRequest,
    ):
        return size.reactions if request.reactions is None else len(request.reactions)
    return _points(request)


def _points(request: ComputeRequest) -> int:
    """Return the points that a metabolic analysis is asked for."""
    if isinstance(request, ProductionEnvelopeRequest | PhasePlaneRequest):
        return int(request.points ** len(request.reactions))
    if isinstance(request, RobustnessRequest):
        return request.points
    if isinstance(request, DynamicFbaRequest):
        return request.time_points
    return request.samples if isinstance(request, SamplingRequest) else 1


def _pairs(request: DoubleDeletionRequest, size: ModelSize) -> int:
    one: list[str] | None = None
    other: list[str] | None = None
    every = size.reactions
    if isinstance(request, DoubleGeneDeletionRequest):
        one, other, every = request.genes_a, request.genes_b, size.genes
    elif isinstance(request, DoubleReactionDeletionRequest):
        one, other = request.reactions_a, request.reactions_b
    rows = every if one is None else len(one)
    pairs = rows * (rows + 1) // 2 if other is None else rows * len(other)
    return max(1, pairs // request.part.of) if request.part else pairs


def _kinetic_units(request: KineticRequest, size: ModelSize) -> int:
    """Return the simulations of a kinetic analysis, in the units of its own kind."""
    if isinstance(request, EstimationRequest):
        return request.starts * len(request.all_experiments) * (1 + len(request.estimate))
    if isinstance(request, PetabRequest):
        return request.starts if request.fit else 1
    if isinstance(request, SensitivityRequest):
        return 2 * len(request.sensitivity_parameters or []) or 2 * size.reactions
    return request.max_points if isinstance(request, ContinuationRequest) else 1


def _numbers(request: ComputeRequest, size: ModelSize) -> int:
    """Return how many numbers the result of an analysis that is not cut into members has, about."""
    if isinstance(request, TimedRequest):
        outputs = len(request.outputs) if request.outputs else max(1, size.species)
        return request.time_points * outputs
    if isinstance(request, ContinuationRequest):
        return 2 * request.max_points * max(1, size.species)
    if isinstance(request, SamplingRequest) and request.return_samples:
        listed = size.reactions if request.reactions is None else len(request.reactions)
        return request.samples * listed
    return 4 * size.weight
