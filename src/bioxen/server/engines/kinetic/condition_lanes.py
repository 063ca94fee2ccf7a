"""The conditions of a fit in lanes: points of the search space side by side."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.conditions import Condition, OneByOne
from bioxen.server.engines.kinetic.lanes.ode.integrate import Method, Trajectories, choose_method, integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.runner import Matrix

_NUMBERS_AT_ONCE = 4_000_000
"""Numbers of the time courses of all states that are in memory at once."""
_EXPLICIT_STEPS = 2_000
"""Steps after which the explicit method is given up: a search also looks where a model is stiff."""
_IMPLICIT_STEPS = 20_000


class ConditionLanes:
    """Simulates conditions in lanes; libRoadRunner answers where a lane stops."""

    def __init__(self, single: OneByOne) -> None:
        """Compile what the conditions need.

        Raises:
            Uncovered: the lanes do not run the model, or not with these changes or selections.
        """
        self._program: LaneProgram = single.program.lanes()
        self._single = single
        self._conditions = [_InLanes(self._program, one, single) for one in single.conditions]
        self.ways: dict[str, int] = single.ways

    def run(self, condition: int, table: Matrix) -> Matrix:
        """Simulate points side by side; see `Simulator`."""
        found, ways = self._conditions[condition].run(table)
        for way, count in ways.items():
            self.ways[way] = self.ways.get(way, 0) + count
        stopped = np.flatnonzero(~np.isfinite(found).all(axis=(1, 2)))
        if stopped.size:
            found[stopped] = self._single.run(condition, table[stopped])
        return found

    def distance(self, condition: int, row: Matrix, reference: Matrix) -> float:
        """Return how far the lanes are from `reference` at one point, over an output's largest value.

        Where the lane stopped there is no distance: libRoadRunner answered that point.
        """
        found, _ = self._conditions[condition].run(row[None, :])
        if not np.isfinite(found).all():
            return 0.0
        largest = np.abs(reference).max(axis=0)
        gap = np.abs(found[0] - reference).max(axis=0)
        return float(np.divide(gap, largest, out=np.zeros_like(gap), where=gap > 0).max())


class _InLanes:
    """One condition."""

    def __init__(self, program: LaneProgram, condition: Condition, single: OneByOne) -> None:
        self._program, self._condition = program, condition
        self._rtol, self._atol = single.tolerances.relative, single.tolerances.absolute
        self._times = np.array(condition.times)
        self._observer = program.observer(condition.selections)
        self._start(np.ones((1, len(condition.names))))
        self._method: Method = choose_method(
            program, self._times[-1:], float(self._times[0]), self._rtol, self._atol
        )

    def run(self, table: Matrix) -> tuple[Matrix, Mapping[str, int]]:
        """Return points × times × selections, NaN from where a lane stopped, and how many went which way."""
        program, points = self._program, len(self._times)
        columns = len(self._condition.selections)
        width = len(program.states) + columns + (len(program.parameters) if program.event_count else 0)
        size = max(program.width, _NUMBERS_AT_ONCE // (points * width))
        found = np.empty((len(table), points, columns))
        ways: dict[str, int] = {}
        for begin in range(0, len(table), size):
            states, parameters = self._start(table[begin : begin + size])
            courses = self._integrated(states, parameters, ways)
            changing = parameters if courses.parameters is None else courses.parameters
            found[begin : begin + size] = self._observed(courses, changing)
        return found, ways

    def _integrated(self, states: Matrix, parameters: Matrix, ways: dict[str, int]) -> Trajectories:
        explicit = self._method == "tsit5"
        found = self._by(self._method, states, parameters, _EXPLICIT_STEPS if explicit else _IMPLICIT_STEPS)
        failed = np.flatnonzero(found.status) if explicit else np.zeros(0, np.intp)
        if failed.size:
            again = self._by("rodas5p", states[failed], parameters[failed], _IMPLICIT_STEPS)
            found.values[failed] = again.values
            found.status[failed] = again.status
            if found.parameters is not None:
                found.parameters[failed] = again.parameters
            _count(ways, "rodas5p", again.status)
        _count(ways, self._method, np.delete(found.status, failed))
        return found

    def _by(self, method: Method, states: Matrix, parameters: Matrix, max_steps: int) -> Trajectories:
        return integrate(
            *(self._program, states, parameters, self._times),
            rtol=self._rtol,
            atol=self._atol,
            method=method,
            max_steps=max_steps,
        )

    def _start(self, table: Matrix) -> tuple[Matrix, Matrix]:
        given = {change.selection: np.array(change.value) for change in self._condition.fixed}
        given |= {name: table[:, index] for index, name in enumerate(self._condition.names)}
        states, parameters = self._program.initial_values(given)
        return _each(states, len(table)), _each(parameters, len(table))

    def _observed(self, courses: Trajectories, parameters: Matrix) -> Matrix:
        members, points, states = courses.values.shape
        rows = courses.values.reshape(members * points, states)
        flat = parameters.reshape(-1, parameters.shape[-1])
        columns = len(self._condition.selections)
        found = evaluate(self._observer, np.tile(self._times, members), rows, flat, columns)
        seen = found.reshape(members, points, columns)
        seen[courses.status != 0] = np.nan
        return seen


def _each(rows: Matrix, members: int) -> Matrix:
    """Return a row for each member, where all members may share one."""
    return np.ascontiguousarray(np.broadcast_to(rows, (members, rows.shape[1])))


def _count(ways: dict[str, int], method: Method, status: NDArray[np.int8]) -> None:
    """Add the lanes that came to the end."""
    ended = int(np.count_nonzero(status == 0))
    if ended:
        ways[f"lanes {method}"] = ways.get(f"lanes {method}", 0) + ended
