"""One trajectory of the general solver: integrated from one discontinuity to the next."""

from __future__ import annotations

import heapq
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.integrate import DOP853, LSODA, RK45, OdeSolver, Radau

from bioxen.protocol.provenance import Setting
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.general.equations import Equations
from bioxen.server.engines.kinetic.general.history import Dense, Segment
from bioxen.server.engines.kinetic.general.queue import Queue
from bioxen.server.engines.kinetic.general.report import Report
from bioxen.server.engines.kinetic.general.system import DelayTooShort, System
from bioxen.server.engines.kinetic.runner import Firing, Matrix, SolverFailure
from bioxen.server.engines.kinetic.switching import Switches, TooManySwitches

METHODS: dict[str, type[OdeSolver]] = {"LSODA": LSODA, "Radau": Radau, "RK45": RK45, "DOP853": DOP853}
"""The algorithms."""
_LOOKS = 4
"""How often a step is looked at between its ends for a jump."""
_INSTANT = 1e-15
"""Times closer than this, relative to their size, are the same."""
_SHORTEST = 1e-14
_COLLAPSE = 1e-11
"""Share of the whole span below which a step is as good as none; a hundred such in a row are a collapse."""
_MAX_SMALL = 100
_MAX_STEPS = 1_000_000
_MAX_STILL = 200
"""How many restarts in a row may make no progress."""
_PARTS = 8
"""Steps at least from one time at which the time alone switches something to the next."""
_BLURRED = 1e-10
"""Stretches shorter than this, relative to their time, hold a switch that arithmetic blurs."""
_ECHOES = 3
"""How often a discontinuity is followed through the delays: each time it is one derivative smoother."""


def simulate(
    equations: Equations,
    times: Sequence[float],
    selections: Sequence[str],
    *,
    method: str,
    tolerances: tuple[float, float],
    seed: int,
    switches: Switches,
) -> tuple[Matrix, dict[str, Setting], list[Firing]]:
    """Return the selections at `times`, one row each with the time first, the settings, and what events did.

    Args:
        equations: the model.
        times: increasing; the first is the start.
        selections: what to report, in libRoadRunner's terms.
        method: a name of `METHODS`.
        tolerances: relative and absolute.
        seed: of what the model draws at random, and of the order of events with equal priorities.
        switches: what the time alone switches in the model; no step passes over it.

    Raises:
        SolverFailure: the trajectory does not reach its end.
    """
    course = _Course(equations, times, selections, method, tolerances, seed, switches)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LSODA says as a warning what its status says too
        table = course.run()
    return table, course.settings(), course.firings


class _Course:
    """The state of one simulation."""

    def __init__(
        self,
        equations: Equations,
        times: Sequence[float],
        selections: Sequence[str],
        method: str,
        tolerances: tuple[float, float],
        seed: int,
        switches: Switches,
    ) -> None:
        self._times = [float(time) for time in times]
        self._end = self._times[-1]
        self._time = self._times[0]
        self._span = self._end - self._time
        self._method, self._tolerances = METHODS[method], tolerances
        self._chance = equations.chance
        self._chance.begin(seed)
        self._system = System(equations, self._time)
        self._queue = Queue(self._system, seed)
        self._report = Report(equations, self._times, selections)
        self._longest = max(np.diff(self._times).max(initial=0.0), (self._end - self._time) / 1000)
        self._echoes: list[tuple[float, int]] = []
        self._switches, self._stops = switches, list[float]()
        self._steps = self._still = self._jumps = 0

    @property
    def firings(self) -> list[Firing]:
        """What events did, in its order."""
        return self._queue.firings

    def settings(self) -> dict[str, Setting]:
        """Return what was in force."""
        return {
            "relative_tolerance": self._tolerances[0],
            "absolute_tolerance": self._tolerances[1],
            "maximum_time_step": float(self._longest),
            "discontinuities": self._jumps,
            "events_drawn": self._queue.ties,
            **({"numbers_drawn": self._chance.count} if self._chance.needed else {}),
        }

    def run(self) -> Matrix:
        """Simulate to the end."""
        self._queue.settle(self._time)
        self._foresee()
        self._echo(self._time, 0)
        self._report.upto(self._time, self._system)
        while self._time < self._end:
            before = self._time
            self._advance(self._bound())
            self._settle(before)
        return self._report.table

    def _bound(self) -> float:
        """Return where the next stretch ends at the latest."""
        while self._echoes and self._echoes[0][0] <= self._time:
            heapq.heappop(self._echoes)
        echo = self._echoes[0][0] if self._echoes else math.inf
        while self._stops and self._stops[-1] <= self._time:
            self._stops.pop()
        stop = self._stops[-1] if self._stops else math.inf
        return min(self._end, self._queue.next_time(), echo, stop)

    def _foresee(self) -> None:
        """Find what the time alone will switch; the next is last."""
        if not self._switches or self._time >= self._end:
            return
        values, slots = self._system.values, self._system.equations.layout.slots
        try:
            found = self._switches.times(lambda name: values[slots[name]], self._time, self._end)
        except TooManySwitches as refusal:
            raise SolverFailure(f"{refusal}; give a shorter time") from None
        self._stops = found[::-1]

    def _settle(self, before: float) -> None:
        """Do what is due where a stretch ended."""
        level = self._echo_level()
        if self._queue.settle(self._time):
            level = 0
            if self._switches.changes_with_events:
                self._foresee()
        if self._stops and self._stops[-1] == self._time:
            level = 0
        if level is not None:
            self._echo(self._time, level)
        self._report.upto(self._time, self._system)
        self._still = self._still + 1 if self._time - before <= 1e-13 * max(1.0, abs(self._time)) else 0
        if self._still > _MAX_STILL:
            raise SolverFailure(f"the rates or events switch without end at time {self._time:g}")

    def _echo_level(self) -> int | None:
        levels = [level for time, level in self._echoes if time == self._time]
        return min(levels, default=None)

    def _echo(self, time: float, level: int) -> None:
        """Note when the delays will see the discontinuity at `time`."""
        if level >= _ECHOES:
            return
        for delay in self._system.delays:
            if time + delay < self._end:
                heapq.heappush(self._echoes, (time + delay, level + 1))

    def _advance(self, bound: float) -> None:
        """Integrate to `bound` or to the first jump before it."""
        system = self._system
        if bound - self._time <= _SHORTEST * max(1.0, abs(bound)):
            self._time = system.committed = bound  # no integrator makes such a step, and nothing moves in it
            return
        signature = system.signature(self._time, system.state)
        longest = self._longest
        stretch = bound - self._time
        if self._switches and stretch > _BLURRED * max(1.0, abs(bound)):
            longest = min(
                longest, stretch / _PARTS
            )  # what is nothing at both its ends may be something between
        while True:
            if system.shortest_delay < math.inf and system.equations.motion.state:
                longest = min(longest, system.shortest_delay)
            system.shortest_delay = math.inf
            try:
                self._stretch(bound, signature, longest)
                return
            except DelayTooShort:
                longest = min(longest, max(system.shortest_delay, longest / 1e3)) / 2
                if longest < 1e-12 * max(1.0, abs(self._time)):
                    raise SolverFailure(f"a delay shrinks to nothing at time {self._time:g}") from None

    def _stretch(self, bound: float, signature: tuple[Any, ...], longest: float) -> None:
        stepper = self._stepper(bound, longest)
        small = 0
        while self._time < bound:
            start = self._time
            end, dense = stepper.step()
            self._steps += 1
            small = small + 1 if end - start < _COLLAPSE * self._span else 0
            if small > _MAX_SMALL or self._steps > _MAX_STEPS:
                raise SolverFailure(f"the step size shrank to nothing at time {start:g}")
            snapshot = [*self._system.values]
            unknowns = self._system.implicit.unknowns.copy()
            jump = self._jump(start, end, dense, signature)
            reached = end if jump is None else jump
            self._report.between(start, reached, self._system, dense)
            if self._system.equations.delayed:
                self._system.history.add(Segment(start, dense, snapshot, unknowns))
            self._commit(reached, dense)
            if jump is not None:
                self._jumps += 1
                return

    def _commit(self, time: float, dense: Dense) -> None:
        system = self._system
        self._time = system.committed = time
        progress.tell_run(self._span - (self._end - time), self._span)
        system.state = np.asarray(dense(time), dtype=float)
        if not np.isfinite(system.state).all():
            raise SolverFailure(f"the state did not stay a finite number at time {time:g}")
        system.compute(time, system.state)
        if system.implicit:
            system.implicit.check(time, system.state)

    def _jump(self, start: float, end: float, dense: Dense, signature: tuple[Any, ...]) -> float | None:
        """Return the first time at which an outcome differs from `signature`, or `None`."""
        if not self._system.equations.switches:
            return None
        same = start
        looks = _LOOKS if end - start > self._longest / 10 else 1
        for look in range(1, looks + 1):
            time = start + (end - start) * look / looks if look < looks else end
            if self._system.signature(time, dense(time)) != signature:
                return self._bisect(same, time, dense, signature)
            same = time
        return None

    def _bisect(self, same: float, other: float, dense: Dense, signature: tuple[Any, ...]) -> float:
        while True:
            middle = same + (other - same) / 2
            if other - same <= _INSTANT * max(1e-300, abs(other)) or not same < middle < other:
                return other
            if self._system.signature(middle, dense(middle)) == signature:
                same = middle
            else:
                other = middle

    def _stepper(self, bound: float, longest: float) -> _Steps | _Clock:
        if not self._system.equations.motion.state:
            return _Clock(self._time, bound, longest)
        return _Steps(self._system, self._method, self._time, bound, longest, self._tolerances)


class _Clock:
    """Steps of a model in which nothing is integrated."""

    def __init__(self, time: float, bound: float, longest: float) -> None:
        self._time, self._bound, self._longest = time, bound, longest

    def step(self) -> tuple[float, Dense]:
        """Return where the step ends, and the empty state."""
        self._time = min(self._bound, self._time + self._longest)
        return self._time, lambda _: np.zeros(0)


class _Steps:
    """Steps of one of SciPy's integrators."""

    def __init__(
        self,
        system: System,
        method: type[OdeSolver],
        time: float,
        bound: float,
        longest: float,
        tolerances: tuple[float, float],
    ) -> None:
        if not np.isfinite(system.state).all():  # SciPy's words for it are a programmer's
            raise SolverFailure(f"the state is no finite number at time {time:g}")
        relative, absolute = tolerances
        make: Any = method  # every one of them takes the same
        self._solver = make(
            system.rates, time, system.state, bound, rtol=relative, atol=absolute, max_step=longest
        )

    def step(self) -> tuple[float, Dense]:
        """Return where the step ends, and its interpolant.

        Raises:
            SolverFailure: the integrator gives up.
        """
        words = self._solver.step()
        if self._solver.status == "failed":
            raise SolverFailure(f"the integrator stopped at time {self._solver.t:g}: {words}")
        return float(self._solver.t), self._solver.dense_output()
