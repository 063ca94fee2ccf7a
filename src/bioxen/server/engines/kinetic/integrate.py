"""Deterministic integration, for every analysis that needs one: a ladder of solvers.

The first rung is what everyone runs, CVODE's BDF on libRoadRunner. Where it stops, the same problem is tried
with Adams steps, with BDF held to short steps, and at last with the general solver, which stops at every
discontinuity. Where the model's rates jump, an integrator may step over a jump unawares: there the steps are
short from the start, a second integrator must agree, and where it does not the general solver answers. Both
may miss a pulse that is shorter than their steps. Where the time alone switches something, its times are
found before, and where they are closer than steps are, the general solver answers: it stops at each of them.
Models that libRoadRunner does not run go to the general solver at once. The settings say which rung answered
and why the ones before it did not. A rung whose step size shrank to nothing, or whose state is no longer a
finite number, has failed even where the library returns numbers.

An integrator that the request names is the only rung.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import Integrator
from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress, tally
from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.general import simulate
from bioxen.server.engines.kinetic.integrators import (
    BY_NAME,
    GENERAL,
    JUMPING,
    SECOND_OPINION,
    SMOOTH,
    Rung,
)
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.runner import Firing, Matrix, Runner, SolverFailure
from bioxen.server.engines.kinetic.switching import TooManySwitches

Times = Sequence[float] | tuple[float, float, int]
"""An even grid as `(start, end, points)`, or a list of the times themselves, the start first."""

REMEDY = (
    "Look for a rate that divides by a species that runs out, or for growth without limit; "
    "try a shorter time, other tolerances, or other initial values."
)
_AGREEMENT = 1e-3
"""How far two integrators may differ where rates jump, as a share of the largest value of a column."""


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How exactly to integrate."""

    relative: float
    absolute: float


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


@dataclass(frozen=True, slots=True)
class _Problem:
    """What every rung is given."""

    program: Program
    changes: Sequence[Change]
    times: Times
    selections: Sequence[str]
    tolerances: Tolerances
    seed: int


def integrate(
    program: Program,
    changes: Sequence[Change],
    times: Times,
    selections: Sequence[str],
    tolerances: Tolerances,
    *,
    integrator: Integrator = "auto",
    seed: int = 0,
) -> Course:
    """Return the course of `selections` from the initial state.

    Args:
        program: the model.
        changes: what the request changes in it.
        times: a grid as a tuple, or the times as a list.
        selections: what to report.
        tolerances: of the integrator.
        integrator: the one to use, or `auto` for the ladder.
        seed: decides the order of events with equal priorities.

    Raises:
        IntegrationFailure: no rung of the ladder reached the end.
        InvalidModelError: the integrator that was named does not run the model.
    """
    problem = _Problem(program, changes, times, selections, tolerances, seed)
    settings: dict[str, Setting] = {}
    words: list[str] = []
    rungs = _rungs(problem, integrator)
    for rung in rungs:
        try:
            checked = integrator == "auto" and rung is JUMPING[0] and program.facts.jumps
            course = _checked(problem, rung) if checked else _climb(problem, rung)
        except SolverFailure as failure:
            words.append(f"{rung.name}: {failure}")
            tally.count("integrator", rung.name)
            settings = _named(rung)
            program.forget()
            continue
        why = _why(program, words, switched=rungs is not SMOOTH and integrator == "auto")
        return replace(course, settings=course.settings | why) if why else course
    raise IntegrationFailure("; ".join(words), settings | {"method": "every rung failed"})


def _since(at_start: int, firings: list[Firing], times: Times) -> list[Firing]:
    """Return the firings with those of the initial state at the start, which the reset notes at time 0."""
    early = [replace(firing, time=float(times[0])) for firing in firings[:at_start]]
    return early + firings[at_start:]


def _rungs(problem: _Problem, integrator: Integrator) -> tuple[Rung, ...]:
    facts = problem.program.facts
    if integrator != "auto":
        return (BY_NAME[integrator],)
    if facts.beyond_roadrunner:
        return GENERAL
    start, span = float(problem.times[0]), _span(problem.times)
    try:
        gap = problem.program.shortest_switch(problem.changes, start, start + span)
    except TooManySwitches as refusal:
        raise IntegrationFailure(f"{refusal}; give a shorter time", {"method": "none"}) from None
    except SolverFailure:
        gap = math.inf  # the changes cannot be made, as the first rung will find too
    if gap < 2 * span / JUMPING[0].steps_at_least:
        return GENERAL
    return JUMPING if facts.jumps or gap < math.inf else SMOOTH


def _why(program: Program, words: Sequence[str], *, switched: bool) -> dict[str, Setting]:
    """Say why this rung answered and not the first, and what was done to the model on the way."""
    facts = program.facts
    why: dict[str, Setting] = {}
    if words:
        why["first_failure"] = words[0]
        why["failed_rungs"] = "; ".join(words)
    if facts.beyond_roadrunner:
        why["reason"] = f"libRoadRunner does not run {', '.join(facts.beyond_roadrunner)}"
    elif facts.jumps:
        why["reason"] = "the rates of the model jump"
    elif switched:
        why["reason"] = "the time switches something twice"
    if facts.solved:
        why["algebraic_rules_solved_for"] = ", ".join(facts.solved)
    return why


def _climb(problem: _Problem, rung: Rung) -> Course:
    return _general(problem, rung) if rung.solver == "general" else _roadrunner(problem, rung)


def _general(problem: _Problem, rung: Rung) -> Course:
    """Run the general solver; what it does not know is a failure where another solver runs the model."""
    times = problem.times
    points = np.linspace(times[0], times[1], int(times[2])).tolist() if isinstance(times, tuple) else times
    tolerances = problem.tolerances
    try:
        equations = problem.program.equations(problem.changes)
    except InvalidModelError as error:
        if problem.program.facts.beyond_roadrunner:
            raise
        raise SolverFailure(error.message) from error
    table, settings, firings = simulate(
        equations,
        points,
        problem.selections,
        method=rung.method,
        tolerances=(tolerances.relative, tolerances.absolute),
        seed=problem.seed,
        switches=problem.program.switches,
    )
    return Course(table, _named(rung) | settings, firings)


def _roadrunner(problem: _Problem, rung: Rung) -> Course:
    runner = problem.program.prepare(problem.changes)
    span = _span(problem.times)
    at_start = len(runner.firings)
    settings = runner.use_cvode(
        stiff=rung.integrator == "cvode_bdf",
        relative_tolerance=problem.tolerances.relative,
        absolute_tolerance=problem.tolerances.absolute,
        maximum_time_step=span / rung.steps_at_least if rung.steps_at_least else 0.0,
        maximum_num_steps=rung.maximum_num_steps,
    )
    table = _run(runner, problem.times, problem.selections)
    _check_state(runner)
    said = runner.words()
    noted = settings | _named(rung) | ({"solver_words": said} if said else {})
    return Course(table, noted, _since(at_start, runner.firings, problem.times))


def _named(rung: Rung) -> dict[str, Setting]:
    return {"method": rung.name, "solver": rung.solver, "algorithm": rung.method, "kisao": rung.kisao}


def _checked(problem: _Problem, rung: Rung) -> Course:
    """Run a model whose rates jump; make sure that a second integrator sees the same.

    Raises:
        SolverFailure: it does not.
    """
    with progress.within(0.0, 0.5):
        course = _climb(problem, rung)
    with progress.within(0.5, 1.0):
        _check_jumps(problem, course)
    return course


def _check_jumps(problem: _Problem, course: Course) -> None:
    other = _roadrunner(problem, SECOND_OPINION).table
    scale = np.abs(course.table).max(axis=0, initial=0.0)
    with np.errstate(invalid="ignore"):
        apart = np.abs(course.table - other) > _AGREEMENT * scale + problem.tolerances.absolute
    if apart.any():
        row, column = np.argwhere(apart)[0]
        raise SolverFailure(
            f"{SECOND_OPINION.name} gives another {problem.selections[column - 1]} at time "
            f"{course.table[row, 0]:g}, and the rates jump"
        )


def _run(runner: Runner, times: Times, selections: Sequence[str]) -> Matrix:
    if isinstance(times, tuple):
        start, end, points = times
        return runner.grid(start, end, int(points), selections)
    return runner.at(times, selections)


def _span(times: Times) -> float:
    return times[1] - times[0] if isinstance(times, tuple) else times[-1] - times[0]


def _check_state(runner: Runner) -> None:
    """Make sure that the state is finite at the end: NaN and infinity never go away again."""
    if not runner.is_finite():
        broken = [name for name, value in runner.state().items() if not math.isfinite(value)]
        raise SolverFailure(f"{', '.join(broken[:5])} did not stay a finite number")
