"""How fast members of a model's studies run each way, as it was measured, and the route that follows."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic import KineticBatchRequest, MembersRequest, Route, SampledRequest

Kind = Literal["ode", "ssa"]
"""What a study does with each member; the ways differ in what they gain by that."""

FEWEST: Final = 64
"""Members from which on a study takes the lanes where nothing was measured: making a model's functions takes
as long as fewer members than that take on libRoadRunner, on most models."""
FEWEST_MEASURED: Final = 16
"""Members from which on a study is measured for. Making functions pays for hardly any smaller one, so smaller
ones always run one after the other: to measure first would take longer than they do."""
GPU_MEMBERS: Final = 16_000
"""Members of a study that a GPU is measured in, and from which on one is taken; few leave it idle."""
GPU_PART: Final = 4_000
"""Members that are sent to a GPU together."""
POINTS_AT_ONCE: Final = 500_000
"""Points of time courses that come back from a GPU together."""
GPU_TOLERANCE: Final = 1e-4
"""Largest difference of a GPU's final values from the lanes', as a share of each output's largest."""
BY_RULE: Final = Route(lanes=FEWEST, source="fixed")
Seconds = Annotated[float, Field(ge=0)]


class Crossover(Message):
    """What a measurement found on one program, one core each way."""

    version: str
    """Of BioXen."""
    program: str = ""
    """Digest of the model."""
    machine: str = ""
    """The devices that were there."""
    kind: Kind = "ode"
    gpu_too: bool = False
    """Whether a GPU was looked at."""
    single: Seconds | None = None
    """Seconds a member takes one after the other, on libRoadRunner; null where it runs none or nothing was
    measured."""
    lanes: Seconds | None = None
    """Seconds a member takes in lanes; null where they do not run the model."""
    small_block: Seconds | None = None
    """Seconds a member takes in lanes in the smallest blocks of a study, where audits weigh most; as `lanes`
    where absent."""
    preparation: Seconds = 0.0
    """Seconds until a model's first members in lanes are there: making its functions, choosing the method."""
    gpu: Seconds | None = None
    """Seconds a member takes on a GPU; null where none ran it, or its answer was not that of the lanes."""
    gpu_preparation: Seconds = 0.0
    """Seconds until a model's first members on the GPU are there."""
    gpu_difference: Seconds | None = None
    """Largest difference of a GPU's final values from the lanes', as a share of each output's largest."""
    why_not: str = ""
    """Why there is no number for the GPU, or for the lanes."""
    failed: str = ""
    """Why there is no measurement, so that the fixed rule holds for good."""

    @property
    def speed(self) -> float:
        """How many times as fast members are in lanes; 0 where there is no number for them."""
        return self.single / self.lanes if self.single and self.lanes else 0.0

    @property
    def gpu_speed(self) -> float:
        """How many times as fast members are on the GPU; 0 where there is no number for it."""
        return self.single / self.gpu if self.single and self.gpu else 0.0

    @property
    def members(self) -> float:
        """From how many members on the lanes are faster, their preparation counted."""
        return _from(self.preparation, self.single, self.small_block or self.lanes)

    @property
    def gpu_members(self) -> float:
        """From how many members on the GPU is faster than the better of the others."""
        beside_single = _from(self.gpu_preparation, self.single, self.gpu)
        extra = max(self.gpu_preparation - self.preparation, 0.0)
        beside_lanes = 0.0 if self.lanes is None else _from(extra, self.lanes, self.gpu)
        return max(beside_single, beside_lanes)


def _from(preparation: float, slower: float | None, faster: float | None) -> float:
    """Return from how many members on the second way is faster; infinity for never."""
    gain = 0.0 if faster is None or slower is None else slower - faster
    return preparation / gain if gain > 0 else float("inf")


def route_of(found: Crossover) -> Route:
    """Return from how many members on each way is taken, after what was measured.

    A way is not taken for a smaller study than it was measured for.
    """
    if found.failed:
        return BY_RULE.model_copy(update={"note": found.failed[:500]})
    lanes = None if found.members == math.inf else max(math.ceil(found.members), FEWEST_MEASURED)
    gpu = None if found.gpu_members == math.inf else max(math.ceil(found.gpu_members), GPU_MEMBERS)
    return Route(lanes=lanes, gpu=gpu, source="measured")


def kind_of(request: MembersRequest) -> Kind | None:
    """Return what the route of a study depends on beside its program; `None` where nobody has to decide it.

    Steady states follow the fixed rule, leaps run in lanes alone, and stochastic members of a batch are each
    what they would be alone.
    """
    method = request.method if isinstance(request, SampledRequest) else "ode"
    if method == "ode":
        return "ode"
    return "ssa" if method == "ssa" and not isinstance(request, KineticBatchRequest) else None


def reaches(request: MembersRequest, fewest: int | None) -> bool:
    """Return whether a study has as many members; `None` is never."""
    return fewest is not None and request.member_count >= fewest


def wants_gpu(request: MembersRequest) -> bool:
    """Return whether a study is for a GPU."""
    route = request.route or BY_RULE
    return request.engine == "gpu" or (request.engine == "auto" and reaches(request, route.gpu))


def is_open(request: object) -> bool:
    """Return whether `request` leaves it to the service where its members run."""
    return (
        isinstance(request, MembersRequest)
        and request.engine == "auto"
        and request.route is None
        and kind_of(request) is not None
    )
