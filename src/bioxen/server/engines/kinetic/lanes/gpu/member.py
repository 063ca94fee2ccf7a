"""What a thread has of its member while it integrates: state, parameters, time, step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bioxen.server.engines.kinetic.lanes.gpu.writer import Number, Variable, Writer


class Member:
    """Arrays and variables of one member, and how its rates are asked for."""

    def __init__(self, writer: Writer, n: int, m: int, function: Any) -> None:
        self.writer, self.n, self.m = writer, n, m
        self._function = function
        self.state, self.stage, self.new = (writer.array(n) for _ in range(3))
        self.parameters = writer.array(m)
        self._moment = writer.array(1)
        zero = writer.number(0.0)
        self.time: Variable = writer.variable(zero)
        self.step: Variable = writer.variable(zero)
        self._tolerances: Any = None
        self._relative: Any = None

    def within(self, absolute: Any, relative: Number) -> None:
        """Take the tolerances: an array of one for each state, and a number."""
        self._tolerances, self._relative = absolute, relative

    def each(self, write: Callable[[Any], None]) -> None:
        """Write what is done for each state. LLVM unrolls the loops of small models into registers."""
        self.writer.each(self.n, write)

    def rates(self, time: Number, state: Any, out: Any) -> None:
        """Write the rates of change at `time` and `state` to `out`."""
        self.call(self._function, time, state, out)

    def call(self, function: Any, time: Number, state: Any, out: Any) -> None:
        """Call a function of the model."""
        self.writer.store(self._moment, 0, time)
        self.writer.call(function, self._moment, state, self.parameters, out)

    def scale(self, i: Any, other: Number | None = None) -> Number:
        """Return the error that is allowed in state `i`, of which `other` is another value."""
        w = self.writer
        size = w.magnitude(w.load(self.state, i))
        if other is not None:
            size = w.larger(size, w.magnitude(other))
        allowed: Number = w.load(self._tolerances, i) + self._relative * size
        return allowed
