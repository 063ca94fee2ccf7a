"""Deterministic integration, for every analysis that needs one: CVODE, with a short ladder of second tries.

The first rung is what everyone runs, stiff BDF. Where it stops, the same problem is tried with Adams steps
and then with BDF held to short steps. Which rung answered is in the settings. A rung whose step size shrank
to nothing, or whose state is no longer a finite number, has failed even where the library returns numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Firing, Matrix, Runner, SolverFailure

Times = Sequence[float] | tuple[float, float, int]
"""An even grid as `(start, end, points)`, or a list of the times themselves, the start first."""

REMEDY = (
    "Look for a rate that divides by a species that runs out, or for growth without limit; "
    "try a shorter time, other tolerances, or other initial values."
)


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How exactly CVODE integrates."""

    relative: float
    absolute: float


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to run CVODE."""

    name: str
    stiff: bool
    steps_at_least: int
    """The smallest number of steps over the whole span, by a limit on the step; 0 for no limit."""
    maximum_num_steps: int


LADDER = (
    Rung("bdf", stiff=True, steps_at_least=0, maximum_num_steps=20_000),
    Rung("adams", stiff=False, steps_at_least=0, maximum_num_steps=50_000),
    Rung("bdf, short steps", stiff=True, steps_at_least=1000, maximum_num_steps=50_000),
)


@dataclass(frozen=True, slots=True)
class Course:
    """An integration that reached its end."""

    table: Matrix
    """One row a time; the time in the first column."""
    settings: dict[str, Setting]
    firings: list[Firing]
    """What events did, in its order."""


class IntegrationFailure(Exception):  # noqa: N818 - an outcome, never seen outside this engine
    """No rung reached the end; the text has the words of each."""

    def __init__(self, words: str, settings: dict[str, Setting]) -> None:
        super().__init__(words)
        self.settings = settings


def integrate(
    program: Program,
    changes: Sequence[Change],
    times: Times,
    selections: Sequence[str],
    tolerances: Tolerances,
) -> Course:
    """Return the course of `selections` from the initial state.

    Args:
        program: the model.
        changes: what the request changes in it.
        times: a grid as a tuple, or the times as a list.
        selections: what to report.
        tolerances: of the integrator.

    Raises:
        IntegrationFailure: no rung of the ladder reached the end.
    """
    words: list[str] = []
    settings: dict[str, Setting] = {}
    for rung in LADDER:
        runner = program.prepare(changes)
        settings = _choose(runner, rung, tolerances, _span(times))
        at_start = len(runner.firings)
        try:
            table = _run(runner, times, selections)
            _check_state(runner)
        except SolverFailure as failure:
            words.append(f"{rung.name}: {failure}")
            program.forget()
            continue
        noted = settings | {"first_failure": words[0]} if words else settings
        return Course(table, noted, _since(at_start, runner.firings, times))
    raise IntegrationFailure("; ".join(words), settings | {"method": "every rung failed"})


def _since(at_start: int, firings: list[Firing], times: Times) -> list[Firing]:
    """Return the firings with those of the initial state at the start, which the reset notes at time 0."""
    early = [replace(firing, time=float(times[0])) for firing in firings[:at_start]]
    return early + firings[at_start:]


def _run(runner: Runner, times: Times, selections: Sequence[str]) -> Matrix:
    if isinstance(times, tuple):
        start, end, points = times
        return runner.grid(start, end, int(points), selections)
    return runner.at(times, selections)


def _span(times: Times) -> float:
    return times[1] - times[0] if isinstance(times, tuple) else times[-1] - times[0]


def _choose(runner: Runner, rung: Rung, tolerances: Tolerances, span: float) -> dict[str, Setting]:
    longest = span / rung.steps_at_least if rung.steps_at_least else 0.0
    settings = runner.use_cvode(
        stiff=rung.stiff,
        relative_tolerance=tolerances.relative,
        absolute_tolerance=tolerances.absolute,
        maximum_time_step=longest,
        maximum_num_steps=rung.maximum_num_steps,
    )
    return {"method": rung.name, **settings}


def _check_state(runner: Runner) -> None:
    """Make sure that the state is finite at the end: NaN and infinity never go away again."""
    broken = [name for name, value in runner.state().items() if not math.isfinite(value)]
    if broken:
        raise SolverFailure(f"{', '.join(broken[:5])} did not stay a finite number")
