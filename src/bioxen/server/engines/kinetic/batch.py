"""A batch: a simulation of many variants, or an analysis of each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from bioxen.errors import BioXenException
from bioxen.protocol.kinetic import (
    ContinuationRequest,
    ControlRequest,
    KineticBatchRequest,
    KineticRequest,
    KineticVariant,
    OscillationRequest,
    SensitivityRequest,
    SteadyStateRequest,
    VariantOutcome,
)
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.answer import Answer
from bioxen.server.engines.kinetic.changes import bare
from bioxen.server.engines.kinetic.continuation import continuation
from bioxen.server.engines.kinetic.control import control
from bioxen.server.engines.kinetic.oscillation import oscillation
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.sensitivity import sensitivity
from bioxen.server.engines.kinetic.steady_state import steady_state
from bioxen.server.engines.kinetic.study import study
from bioxen.server.engines.studies.block import Block
from bioxen.server.engines.studies.conclude import conclude

_ANALYSES: dict[type[KineticRequest], Callable[[Any, Program], Answer]] = {
    ControlRequest: control,
    OscillationRequest: oscillation,
    SensitivityRequest: sensitivity,
    ContinuationRequest: continuation,
    SteadyStateRequest: steady_state,
}
_FOUND = ("final_state", "steady_state", "sensitivities", "control", "branch", "oscillations")


def batch(request: KineticBatchRequest, program: Program) -> Answer:
    """Return the members, or what the analysis found for each variant.

    Raises:
        BioXenException: as `study` or the analysis, with the variant in the place.
    """
    if request.analysis is None:
        return study(request, program)
    members = request.members_of_part
    answers = [_analysed(request, member, program) for member in members]
    block = Block(
        first=members.start,
        names=(),
        table=np.empty((len(members), 0)),
        completed=np.array([answer.completed for answer in answers]),
        failures=_failures(answers, members.start),
        methods=dict(Counter(_way(answer) for answer in answers if answer.completed)),
        outputs=[],
        times=np.zeros(0),
        feature_names=[],
        features=np.empty((len(members), 0, 0)),
        values=None,
        audit=None,
        outcomes=tuple(_outcome(answer) for answer in answers),
    )
    found = conclude(request, block)
    return Answer(
        message=found.message,
        settings=answers[0].settings | found.settings,
        output_units=next((answer.output_units for answer in answers if answer.output_units), None),
        members=found.members,
    )


def _analysed(request: KineticBatchRequest, member: int, program: Program) -> Answer:
    alone = _alone(request, request.variants[member - request.offset])
    done, total = member - request.members_of_part.start, len(request.members_of_part)
    progress.tell(done, total, "variants")
    with _blamed(member - request.offset), progress.within(done / total, (done + 1) / total):
        return _ANALYSES[type(alone)](alone, program)


def _alone(request: KineticBatchRequest, variant: KineticVariant) -> KineticRequest:
    """Return what asks for one variant, without its model."""
    assert request.analysis is not None  # noqa: S101 - the caller asks only then
    named = {bare(name) for name in variant.initial_conditions}
    starts = {name: one for name, one in request.initial_conditions.items() if bare(name) not in named}
    return request.analysis.model_copy(
        update={
            "parameters": {**request.parameters, **variant.parameters},
            "initial_conditions": {**starts, **variant.initial_conditions},
            "outputs": request.outputs,
        }
    )


@contextmanager
def _blamed(number: int) -> Iterator[None]:
    """Put the variant, or the analysis they share, into the place of an error."""
    try:
        yield
    except BioXenException as error:
        place = error.place or ""
        head = place.partition(".")[0]
        if head in KineticVariant.model_fields:
            error.details["place"] = f"variants.{number}.{place}"
        elif place and head != "outputs":
            error.details["place"] = f"analysis.{place}"
        raise


def _outcome(answer: Answer) -> VariantOutcome:
    found = {name: getattr(answer, name) for name in _FOUND}
    return VariantOutcome(
        status="completed" if answer.completed else "failed", message=answer.message, **found
    )


def _failures(answers: list[Answer], first: int) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for number, answer in enumerate(answers):
        if not answer.completed:
            found.setdefault(answer.message, []).append(first + number)
    return found


def _way(answer: Answer) -> str:
    words = [str(answer.settings[name]) for name in ("solver", "method") if answer.settings.get(name)]
    return " ".join(words) or "libRoadRunner"
