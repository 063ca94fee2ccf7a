"""One trajectory's values: the state written in, everything else computed from it, its rates of change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bioxen.server.engines.kinetic.general.equations import Delayed, Equations
from bioxen.server.engines.kinetic.general.history import History
from bioxen.server.engines.kinetic.general.implicit import Implicit
from bioxen.server.engines.kinetic.runner import Matrix, SolverFailure

_ROUNDS = 20
_FEW = 32
"""How many lengths of delays are followed as discontinuities; a length that varies gives ever more."""
_DEEPEST = 100
"""How many delays may look through each other."""


class System:
    """The values of one trajectory."""

    def __init__(self, equations: Equations, start: float) -> None:
        self.equations = equations
        self.start = start
        self.history = History()
        self.committed = start
        """The time up to which the history reaches."""
        self.shortest_delay = math.inf
        """The shortest delay met since it was last reset."""
        self.delays: set[float] = set()
        self._depth = 0
        self.values = [math.nan] * equations.size
        self.state = np.zeros(len(equations.motion.state))
        self.notes: list[Any] = []
        self.set_guesses(equations.guesses)
        equations.initial(start, self.values, self.note, self.delayed)
        self.implicit = Implicit(self)
        self.begin()

    def begin(self) -> None:
        """Take the state from the values at the start, and find what is implicit.

        Initial assignments may depend on what algebraic rules determine, so it takes a few rounds.
        """
        for _ in range(_ROUNDS):
            self.take_state()
            if not self.implicit:
                self.compute(self.start, self.state)
                return
            before = [self.values[slot] for slot in self.equations.implicit]
            self.implicit.restart(self.start)
            found = [self.values[slot] for slot in self.equations.implicit]
            if _same(before, found):
                return
            self.set_guesses(found)
            self.equations.initial(self.start, self.values, self.note, self.delayed)
        raise SolverFailure("the initial assignments and the algebraic rules do not settle on a state")

    def set_guesses(self, guesses: Sequence[float]) -> None:
        """Set what the algebraic rules determine to first guesses."""
        for slot, value in zip(self.equations.implicit, guesses, strict=True):
            self.values[slot] = value

    def take_state(self) -> None:
        """Read the state from the values."""
        self.state = np.array([self.values[slot] for slot in self.equations.motion.state], dtype=float)

    def note(self, outcome: Any) -> Any:
        """Note the outcome of a comparison or rounding, and return it."""
        self.notes.append(outcome)
        return outcome

    def compute(self, time: float, state: Sequence[float] | Matrix) -> list[float]:
        """Write `state` into the values and compute everything that follows from it."""
        if self.implicit:
            self.implicit.solve(time, state)
        else:
            self.write(self.values, state)
            self.update(time)
        return self.values

    def write(self, values: list[float], state: Any) -> None:
        """Write `state` into `values`."""
        for slot, value in zip(self.equations.motion.state, state.tolist(), strict=True):
            values[slot] = value

    def update(self, time: float) -> None:
        """Compute what follows from the state in the values."""
        self.notes.clear()
        self.equations.update(time, self.values, self.note, self.delayed)

    def rates(self, time: float, state: Matrix) -> Matrix:
        """Return d(state)/dt."""
        values = self.compute(time, state)
        return np.array([values[slot] for slot in self.equations.motion.rates], dtype=float)

    def signature(self, time: float, state: Matrix) -> tuple[Any, ...]:
        """Return the outcome of every comparison, and of every trigger last."""
        values = self.compute(time, state)
        triggers = [bool(e.trigger(time, values, self.note, self.delayed)) for e in self.equations.events]
        return (*self.notes, *triggers)

    def delayed(self, number: int, time: float, delay: float) -> float:
        """Return the value that the delayed expression `number` had a while ago."""
        past = time - delay
        if not delay >= 0 or self._depth > _DEEPEST:
            raise SolverFailure(
                f"a delay is {delay:g} at time {time:g}"
                if not delay >= 0
                else "delays look through each other without end"
            )
        if delay > 0:
            self.shortest_delay = min(self.shortest_delay, delay)
            if len(self.delays) <= _FEW:
                self.delays.add(delay)
        expression = self.equations.delayed[number]
        self._depth += 1
        try:
            values = self._before(past, expression) if past < self.start else self._at(past, time, expression)
            return float(expression.value(past, values, _silent, self.delayed))
        finally:
            self._depth -= 1

    def _before(self, past: float, expression: Delayed) -> list[float]:
        """Return the values before the start: nothing moves, but initial assignments may name the time."""
        values = [math.nan] * self.equations.size
        for slot in self.equations.implicit:
            values[slot] = self.values[slot]
        for slot in self.equations.all_rates:
            values[slot] = 0.0
        expression.before(past, values, _silent, self.delayed)
        return values

    def _at(self, past: float, time: float, expression: Delayed) -> list[float]:
        if past == time or not self.history:
            return self._now(past, expression)
        if past > self.committed and self.equations.motion.state:
            if past > self.committed + 1e-9 * max(1.0, abs(time)):
                raise DelayTooShort
            past = self.committed
        segment = self.history.at(past)
        values = [*segment.values]
        if expression.implicit:
            self.implicit.solve_in(values, past, segment.dense(past), segment.unknowns)
        else:
            self.write(values, segment.dense(past))
            expression.after(past, values, _silent, self.delayed)
        return values

    def _now(self, time: float, expression: Delayed) -> list[float]:
        """Return the values now, for a delay of nothing."""
        values = [*self.values]
        expression.after(time, values, _silent, self.delayed)
        return values


class DelayTooShort(Exception):  # noqa: N818 - a wish for a shorter step
    """A delay looked into the step that is being made."""


def _silent(outcome: Any) -> Any:
    return outcome


def _same(before: Sequence[float], after: Sequence[float]) -> bool:
    pairs = zip(before, after, strict=True)
    return all(
        a == b or abs(a - b) <= 1e-12 * max(abs(a), abs(b)) or (math.isnan(a) and math.isnan(b))
        for a, b in pairs
    )
