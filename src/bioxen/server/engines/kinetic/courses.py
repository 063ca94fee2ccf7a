"""The two ways to simulate in lanes, as studies use them: integration, and chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.integrate import Tolerances
from bioxen.server.engines.kinetic.lanes.ode.integrate import (
    STATUS,
    Method,
    Trajectories,
    choose_method,
    integrate,
)
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.ssa import stochastic as ssa
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.runner import Matrix
from bioxen.server.engines.kinetic.ssa import WHOLE, Stochastic, not_whole

EPSILON = 0.03
"""Given where nothing leaps, and then of no matter."""


@dataclass(frozen=True, slots=True)
class Courses:
    """All states of some members."""

    values: Matrix
    """Members × points × states."""
    parameters: Matrix | None
    """Members × points × parameters, where events may change them."""
    ways: list[str]
    """How each member was simulated."""
    stopped: dict[int, str]
    """Row → why the lane stopped."""


class Deterministic:
    """Integration, by a method chosen for the model's own numbers: no member depends on another."""

    def __init__(self, program: LaneProgram, times: Matrix, tolerances: Tolerances) -> None:
        self._program, self._times, self._tolerances = program, times, tolerances
        self._method = _chosen(
            program, float(times[0]), float(times[-1]), tolerances.relative, tolerances.absolute
        )

    def run(self, states: Matrix, parameters: Matrix, first: int) -> Courses:
        """Integrate members; stiffness is what mostly stops the explicit method, so the other has a try."""
        del first  # no member depends on its index
        found = self._integrated(states, parameters, self._method)
        ways = [f"lanes {self._method}"] * len(states)
        values, changed, status = found.values, found.parameters, found.status
        failed = np.flatnonzero(status)
        if failed.size and self._method == "tsit5":
            again = self._integrated(states[failed], parameters[failed], "rodas5p")
            values[failed], status[failed] = again.values, again.status
            if changed is not None:
                changed[failed] = again.parameters
            for row in failed.tolist():
                ways[row] = "lanes rodas5p"
        stopped = {row: STATUS[status[row]] for row in np.flatnonzero(status).tolist()}
        return Courses(values, changed, ways, stopped)

    def _integrated(self, states: Matrix, parameters: Matrix, method: Method) -> Trajectories:
        return integrate(
            self._program,
            states,
            parameters,
            self._times,
            rtol=self._tolerances.relative,
            atol=self._tolerances.absolute,
            method=method,
        )


@lru_cache(maxsize=16)
def _chosen(program: LaneProgram, start: float, end: float, rtol: float, atol: float) -> Method:
    """Return the method for a model; trying both takes as long as some hundred members do."""
    return choose_method(program, np.array([end]), start, rtol, atol)


class Random:
    """Stochastic simulation by the direct method, or by tau-leaping where there is an epsilon."""

    def __init__(
        self, program: LaneProgram, times: Matrix, how: Stochastic, seeds: Sequence[int] | None = None
    ) -> None:
        """Take the model, and the seed of the whole study or one of each member.

        Raises:
            Uncovered: the lanes do not run the model event by event.
        """
        self._program, self._times, self._how, self._seeds = program, times, how, seeds
        nobody = np.zeros((0, len(program.states))), np.zeros((0, len(program.parameters)))
        try:
            self.run(*nobody, first=0)
        except InvalidModelError as error:
            raise Uncovered(
                f"reactions one by one of a model with {', '.join(error.details['hurdles'])}"
            ) from error

    def run(self, states: Matrix, parameters: Matrix, first: int) -> Courses:
        """Simulate members, the first of which has the index `first` in the whole study.

        Raises:
            ValidationError: a member does not start with whole numbers of molecules.
        """
        self._check_whole(states, first)
        epsilon = self._how.epsilon
        own = None if self._seeds is None else self._seeds[first : first + len(states)]
        found = ssa.stochastic(
            self._program,
            states,
            parameters,
            self._times,
            seed=self._how.seed if own is None else own,
            first_member=first if own is None else 0,
            method="direct" if epsilon is None else "tau-leaping",
            epsilon=EPSILON if epsilon is None else epsilon,
        )
        way = "lanes direct method" if epsilon is None else f"lanes tau-leaping, epsilon {epsilon:g}"
        stopped = {row: ssa.STATUS[int(found.status[row])] for row in np.flatnonzero(found.status).tolist()}
        return Courses(found.values, found.parameters, [way] * len(states), stopped)

    def _check_whole(self, states: Matrix, first: int) -> None:
        counted = [name not in self._program.rate_rules for name in self._program.states]
        near = np.abs(states - np.round(states)) <= WHOLE * np.maximum(1.0, states)
        whole = (states >= 0) & near | ~np.array(counted, bool)
        if whole.all():
            return
        row, column = np.argwhere(~whole)[0].tolist()
        error = not_whole(self._program.states[column], float(states[row, column]))
        error.details["member"] = first + row
        raise error
