"""A fit from several starts, in lanes where they run the model, and the audit of what they found.

Lanes are looked at twice: where the first search began, and at the optimum. libRoadRunner simulates both
points as well; where it differs, it does the whole fit. The numbers at the optimum are always its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.optimize import OptimizeResult

from bioxen.protocol.kinetic import MembersEngine
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.conditions import OneByOne, Simulator, lanes_for
from bioxen.server.engines.kinetic.integrate import IntegrationFailure
from bioxen.server.engines.kinetic.side_by_side import Ask, Matrix, side_by_side

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.condition_lanes import ConditionLanes

AGREEMENT = 1e-5
"""How far lanes and libRoadRunner may be apart, as a share of an output's largest value."""


class Problem(Protocol):
    """What is to be minimised."""

    @property
    def measure(self) -> str:
        """The attribute of a search's result that is the least at the optimum."""
        ...

    def starts(self) -> list[Matrix]:
        """Return the starting points."""
        ...

    def search(self, ask: Ask, start: Matrix) -> OptimizeResult | None:
        """Return what a search from `start` ended with, or `None` where the model cannot run there."""
        ...

    def numbers(self, simulator: Simulator, points: Matrix) -> Matrix:
        """Return points × what a search asks for, NaN in all of a point where the model cannot run."""
        ...

    def tables(self, points: Matrix) -> list[Matrix]:
        """Return for each condition points × the values of what it changes."""
        ...


@dataclass(frozen=True, slots=True)
class Solved:
    """A fit."""

    runs: list[OptimizeResult | None]
    """What each start reached."""
    best: OptimizeResult
    courses: list[Matrix]
    """Times × selections of each condition at the optimum, by libRoadRunner."""
    ask: Ask
    """Gives the numbers at further points, by what simulated the fit."""
    settings: dict[str, Setting]
    """What simulated it, and what the audit saw."""


def solve(problem: Problem, single: OneByOne, engine: MembersEngine) -> Solved | None:
    """Return the best fit from all starts, or `None` where the model runs at none of them.

    Raises:
        InvalidModelError: the request insists on lanes, which do not run the model.
    """
    starts = problem.starts()
    lanes, why = lanes_for(engine, len(starts) * (len(starts[0]) + 1), single)
    if lanes is not None:
        found = _Attempt(problem, starts, lanes)
        apart, courses = found.audit(lanes, single)
        if courses is not None and found.best is not None:
            return found.solved(found.best, courses, {"audit_largest_relative": apart})
        if found.best is not None:
            why = f"failed the audit: {apart:g} of an output's largest value apart"
            single.ways.clear()
        else:
            return None
    found = _Attempt(problem, starts, single)
    if found.best is None:
        return None
    return found.solved(found.best, courses_at(problem, single, found.best.x), {"lanes": why})


def courses_at(problem: Problem, single: OneByOne, point: Matrix) -> list[Matrix]:
    """Return times × selections of each condition at a point, by libRoadRunner.

    Raises:
        IntegrationFailure: a condition cannot be simulated.
    """
    tables = problem.tables(point[None, :])
    return [single.course(index, table[0].tolist()) for index, table in enumerate(tables)]


class _Attempt:
    """The searches with one simulator."""

    def __init__(self, problem: Problem, starts: Sequence[Matrix], simulator: Simulator) -> None:
        self._problem, self._starts, self._simulator = problem, starts, simulator
        self.ask: Ask = partial(problem.numbers, simulator)
        tasks: list[Callable[[Ask], OptimizeResult | None]] = [
            partial(_searched, problem, start) for start in starts
        ]
        self.runs = side_by_side(tasks, self.ask, "starts")
        ended = [run for run in self.runs if run is not None]
        self.best = min(ended, key=lambda run: float(run[problem.measure])) if ended else None

    def audit(self, lanes: ConditionLanes, single: OneByOne) -> tuple[float, list[Matrix] | None]:
        """Return how far lanes are off, and libRoadRunner's courses at the optimum where they are not."""
        if self.best is None:
            return 0.0, None
        points = [self.best.x] if self.runs[0] is None else [self.best.x, self._starts[0]]
        apart, courses = 0.0, []
        for point in points:
            try:
                courses.append(courses_at(self._problem, single, point))
            except IntegrationFailure:
                return np.inf, None
            tables = self._problem.tables(point[None, :])
            pairs = enumerate(zip(tables, courses[-1], strict=True))
            apart = max(apart, *(lanes.distance(index, table[0], seen) for index, (table, seen) in pairs))
        return apart, courses[0] if apart <= AGREEMENT else None

    def solved(self, best: OptimizeResult, courses: list[Matrix], settings: dict[str, Setting]) -> Solved:
        """Return what was found."""
        done = self._simulator.ways.items()
        simulations = ", ".join(f"{count} by {way}" for way, count in sorted(done))
        return Solved(self.runs, best, courses, self.ask, {"simulations": simulations, **settings})


def _searched(problem: Problem, start: Matrix, ask: Ask) -> OptimizeResult | None:
    return problem.search(ask, start)
