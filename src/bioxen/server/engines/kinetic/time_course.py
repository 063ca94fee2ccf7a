"""Deterministic time course."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from bioxen.protocol.kinetic import EventFirings, TimeCourseRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import changes_of
from bioxen.server.engines.kinetic.integrate import REMEDY, IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.outputs import check_size, selections_of, trajectories_of, units_for
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Firing


def time_course(request: TimeCourseRequest, program: Program) -> Answer:
    """Return the solution of the model's differential equations on an even grid."""
    selections = selections_of(request.outputs, program.facts)
    check_size(request.time_points, len(selections))
    changes = changes_of(request, program.facts)
    grid = (request.time_start, request.time_end, request.time_points)
    tolerances = Tolerances(request.relative_tolerance, request.absolute_tolerance)
    try:
        with progress.one_run():
            course = integrate(
                program,
                changes,
                grid,
                selections,
                tolerances,
                integrator=request.integrator,
                seed=request.seed,
            )
    except IntegrationFailure as failure:
        return failed(
            f"The integration did not reach time {request.time_end:g}: {failure}. {REMEDY}", failure.settings
        )
    trajectories = trajectories_of(course.table, selections)
    return Answer(
        message=f"Integrated from time {request.time_start:g} to {request.time_end:g}."
        + _gap_words(trajectories.gaps),
        settings=course.settings,
        seed=request.seed if _is_drawn(course.settings) else None,
        time_vector=course.table[:, 0].tolist(),
        trajectories=trajectories,
        final_state=dict(zip(selections, trajectories.last(), strict=True)),
        output_units=units_for(selections, program.facts),
        event_firings=_fired(course.firings, program.facts.revocable) if program.facts.has_events else None,
    )


def _is_drawn(settings: dict[str, Setting]) -> bool:
    return bool(settings.get("events_drawn") or settings.get("numbers_drawn"))


def _fired(firings: list[Firing], revocable: frozenset[str]) -> EventFirings:
    """Return what the events changed and when, each change with the trigger it belongs to.

    libRoadRunner does not say which trigger that is, nor that one was revoked: it is the earliest that still
    waits, and of a revocable event the last, since all before it were carried out or revoked.
    """
    waiting: dict[str, deque[float]] = {}
    done: list[tuple[float, float | None, str]] = []
    for firing in firings:
        triggers = waiting.setdefault(firing.event, deque())
        if firing.kind == "trigger":
            if firing.event in revocable:
                triggers.clear()
            triggers.append(firing.time)
        else:
            earliest = triggers.popleft() if triggers else None
            told = earliest if firing.triggered is None else firing.triggered
            done.append((firing.time, told, firing.event))
    return EventFirings(
        time=[time for time, _, _ in done],
        triggered=[triggered for _, triggered, _ in done],
        event=[event for _, _, event in done],
    )


def _gap_words(gaps: Sequence[str]) -> str:
    """Say which outputs have nulls: they are derived values, since the state itself is finite."""
    return f" Not a finite number at some points (null there): {', '.join(gaps)}." if gaps else ""
