"""Oscillation features of a deterministic time course."""

from __future__ import annotations

import numpy as np

from bioxen.protocol.kinetic import Oscillation, OscillationRequest
from bioxen.protocol.kinetic.request import MAX_POINTS
from bioxen.server.engines.kinetic.answer import Answer, failed
from bioxen.server.engines.kinetic.changes import changes_of
from bioxen.server.engines.kinetic.integrate import REMEDY, Course, IntegrationFailure, Tolerances, integrate
from bioxen.server.engines.kinetic.outputs import MAX_VALUES, check_size, selections_of, units_for
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.studies.features import LEAST, NOISE
from bioxen.server.engines.studies.swings import Swings, swings

_PER_PERIOD = 100
"""Points a period needs, so that peaks are located far better than the grid."""


def oscillation(request: OscillationRequest, program: Program) -> Answer:
    """Return period, amplitude, phase and damping of each output, or that it does not oscillate."""
    selections = selections_of(request.outputs, program.facts)
    check_size(request.time_points, len(selections))
    try:
        course, found, points = _look(request, program, selections)
    except IntegrationFailure as failure:
        return failed(
            f"The integration did not reach time {request.time_end:g}: {failure}. {REMEDY}", failure.settings
        )
    rows = [_row(name, one, found[0]) for name, one in zip(selections, found, strict=True)]
    return Answer(
        message=_words(rows),
        settings=course.settings | {"time_points": points, "transient": _transient(request)},
        output_units=units_for(selections, program.facts),
        oscillations=rows,
    )


def _look(
    request: OscillationRequest, program: Program, selections: list[str]
) -> tuple[Course, list[Swings], int]:
    """Return the swings, from a second run with more points where the first has too few a period."""
    changes, points = changes_of(request, program.facts), request.time_points
    tolerances = Tolerances(request.relative_tolerance, request.absolute_tolerance)
    most = min(MAX_POINTS, MAX_VALUES // len(selections))
    while True:
        grid = (request.time_start, request.time_end, points)
        course = integrate(program, changes, grid, selections, tolerances)
        found = _swings(course.table, _transient(request), tolerances)
        periods = [one.peak_spacing for one in found if one.peak_spacing is not None]
        spacing = (request.time_end - request.time_start) / (points - 1)
        if not periods or min(periods) >= _PER_PERIOD * spacing or points == most:
            return course, found, points
        wanted = 2 * _PER_PERIOD * (request.time_end - request.time_start) / min(periods)
        points = min(most, int(wanted) + 1)


def _swings(table: Matrix, transient: float, tolerances: Tolerances) -> list[Swings]:
    late = table[:, 0] >= transient
    times = table[late, 0]
    return [
        swings(times, series, NOISE * tolerances.relative, LEAST * tolerances.absolute)
        if np.isfinite(series).all()
        else Swings("undefined")
        for series in table[late, 1:].T
    ]


def _transient(request: OscillationRequest) -> float:
    middle = (request.time_start + request.time_end) / 2
    return middle if request.transient is None else request.transient


def _row(name: str, found: Swings, reference: Swings) -> Oscillation:
    phase = None
    if found.period and found.first_peak is not None and reference.first_peak is not None:
        share = (found.first_peak - reference.first_peak) / found.period
        phase = share - float(np.floor(share)) if abs(share - round(share)) > 1e-9 else 0.0
    return Oscillation(
        output=name,
        kind=found.kind,
        period=found.period,
        period_deviation=found.deviation,
        amplitude=found.amplitude,
        minimum=found.minimum,
        maximum=found.maximum,
        phase=phase,
        damping=found.damping,
        cycles=found.cycles,
    )


def _words(rows: list[Oscillation]) -> str:
    kinds = {kind: [row for row in rows if row.kind == kind] for kind in dict.fromkeys(r.kind for r in rows)}
    if set(kinds) == {"none"}:
        return "Nothing oscillates after the transient."
    told = [f"{len(members)} {kind}" for kind, members in kinds.items()]
    periods = [row.period for row in rows if row.period is not None]
    return f"Of {len(rows)} outputs: {', '.join(told)}." + (f" Period {periods[0]:.6g}." if periods else "")
