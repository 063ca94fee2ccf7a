"""Gillespie's direct method of one member: the events of `ssa/direct.py`, with the same random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.gpu.elementary import logarithm, uniforms
from bioxen.server.engines.kinetic.lanes.gpu.member import Member
from bioxen.server.engines.kinetic.lanes.gpu.writer import DOUBLE, POINTER, WORD, Number, Writer
from bioxen.server.engines.kinetic.lanes.ssa.layout import (
    DONE,
    NEGATIVE_AMOUNT,
    NEGATIVE_PROPENSITY,
    NOT_FINITE,
    TOO_MANY_EVENTS,
)

RUNNING = -1
KINDS = [WORD, POINTER, POINTER, POINTER, POINTER, WORD, WORD, WORD, WORD, POINTER, POINTER]
"""The member's index; states, parameters, times, `OPTIONS`; counts of points and of events at most; seed,
index of the first member; values; report."""
OPTIONS = ("start",)
REPORT = 2
"""Words of a member's report: status, events."""


class Direct:
    """Writes the function that simulates one member event by event."""

    def __init__(self, writer: Writer, member: Member, matrix: NDArray[np.float64]) -> None:
        """Take the stoichiometry, states × reactions."""
        self._w, self._m, self._reactions = writer, member, matrix.shape[1]
        at, states, parameters, times, options, points, most, seed, first, values, report = writer.arguments
        self._times, self._points, self._most, self._seed = times, points, most, seed
        self._at, self._report = at, report
        b, n, m = writer.builder, member.n, member.m
        self._stream = b.add(first, at)
        self._start = writer.load(options)
        self._values = writer.address(values, b.mul(at, b.mul(points, writer.index(n))))
        self._given = (
            writer.address(states, b.mul(at, writer.index(n))),
            writer.address(parameters, b.mul(at, writer.index(m))),
        )
        self._propensities, self._sums = writer.array(self._reactions), writer.array(self._reactions)
        zero = writer.index(0)
        self._status, self._point = writer.counter(writer.index(RUNNING)), writer.counter(zero)
        self._events, self._choice = writer.counter(zero), writer.counter(zero)
        reaction, state = np.nonzero(matrix.T)
        pointers = np.searchsorted(reaction, np.arange(self._reactions + 1))
        self._pointers = _table(writer, "pointers", WORD, pointers)
        self._targets = _table(writer, "targets", WORD, state)
        self._changes = _table(writer, "changes", DOUBLE, matrix.T[reaction, state])

    def write(self) -> None:
        """Write the whole."""
        w, m = self._w, self._m
        m.each(lambda i: w.store(m.state, i, w.load(self._given[0], i)))
        w.each(m.m, lambda i: w.store(m.parameters, i, w.load(self._given[1], i)))
        m.time.set(self._start)
        with w.repeat(self._is_running):
            self._one()
        self._finish()

    def _is_running(self) -> Any:
        return self._w.builder.icmp_signed("==", self._status.get(), self._w.index(RUNNING))

    def _one(self) -> None:
        """Draw an event; report what comes before it; carry it out."""
        w, m = self._w, self._m
        b = w.builder
        m.rates(m.time.get(), m.state, self._propensities)
        total, lowest = self._summed()
        waiting, choosing = uniforms(w, self._events.get(), self._stream, self._seed)
        later = m.time.get() - logarithm(w, waiting) / total
        with w.when(b.not_(total < float("inf"))):
            self._status.set(w.index(NOT_FINITE))
        with w.when(lowest < 0.0):
            self._status.set(w.index(NEGATIVE_PROPENSITY))
        with w.when(self._is_running()):
            with w.repeat(lambda: self._is_before(later)):
                self._record(lambda i: w.load(m.state, i))
            spent = b.icmp_signed(">=", self._events.get(), self._most)
            all_reported = b.icmp_signed(">=", self._point.get(), self._points)
            with w.when(spent):
                self._status.set(w.index(TOO_MANY_EVENTS))
            with w.when(all_reported):
                self._status.set(w.index(DONE))
        with w.when(self._is_running()):
            self._choose(choosing * total)
            self._fire()
            m.time.set(later)
            self._events.set(b.add(self._events.get(), w.index(1)))

    def _summed(self) -> tuple[Number, Number]:
        w = self._w
        total, lowest = w.variable(w.number(0.0)), w.variable(w.number(0.0))

        def add(j: Any) -> None:
            propensity = w.load(self._propensities, j)
            lowest.set(w.smaller(propensity, lowest.get()))
            total.set(total.get() + propensity)
            w.store(self._sums, j, total.get())

        self._each_reaction(add)
        return total.get(), lowest.get()

    def _each_reaction(self, write: Any) -> None:
        self._w.each(self._reactions, write)

    def _choose(self, threshold: Number) -> None:
        """Count the sums up to `threshold`; past the last reaction, go back to one that is possible."""
        w, b = self._w, self._w.builder
        self._choice.set(w.index(0))

        def pass_by(j: Any) -> None:
            passed = b.zext(w.load(self._sums, j) <= threshold, WORD)
            self._choice.set(b.add(self._choice.get(), passed))

        self._each_reaction(pass_by)
        last = w.index(self._reactions - 1)
        beyond = b.icmp_signed(">", self._choice.get(), last)
        self._choice.set(b.select(beyond, last, self._choice.get()))

        def impossible() -> Any:
            none = w.load(self._propensities, self._choice.get()).same(0.0)
            return b.and_(b.icmp_signed(">", self._choice.get(), w.index(0)), none)

        with w.repeat(impossible):
            self._choice.set(b.sub(self._choice.get(), w.index(1)))

    def _fire(self) -> None:
        w, b, m = self._w, self._w.builder, self._m
        begin = w.load_whole(self._pointers, self._choice.get())
        end = w.load_whole(self._pointers, b.add(self._choice.get(), w.index(1)))
        with w.loop(b.sub(end, begin)) as step:
            entry = b.add(begin, step)
            target = w.load_whole(self._targets, entry)
            amount = w.load(m.state, target) + w.load(self._changes, entry)
            w.store(m.state, target, amount)
            with w.when(amount < 0.0):
                self._status.set(w.index(NEGATIVE_AMOUNT))

    def _is_before(self, end: Number) -> Any:
        w = self._w
        more = w.builder.icmp_signed("<", self._point.get(), self._points)
        safe = w.builder.select(more, self._point.get(), w.index(0))
        return w.both(more, w.load(self._times, safe) < end)

    def _record(self, value: Any) -> None:
        w, m = self._w, self._m
        row = w.address(self._values, w.builder.mul(self._point.get(), w.index(m.n)))
        m.each(lambda i: w.store(row, i, value(i)))
        self._point.set(w.builder.add(self._point.get(), w.index(1)))

    def _finish(self) -> None:
        w, b = self._w, self._w.builder
        with w.when(b.icmp_signed("!=", self._status.get(), w.index(DONE))):
            nothing = w.number(float("nan"))
            with w.repeat(lambda: b.icmp_signed("<", self._point.get(), self._points)):
                self._record(lambda _: nothing)
        row = b.mul(self._at, w.index(REPORT))
        w.store_whole(self._report, row, self._status.get())
        w.store_whole(self._report, b.add(row, w.index(1)), self._events.get())


def _table(writer: Writer, name: str, kind: Any, values: NDArray[Any]) -> Any:
    """Return the address of a constant table of the module."""
    numbers = values.tolist() or [0]
    table = ir.GlobalVariable(writer.builder.module, ir.ArrayType(kind, len(numbers)), name)
    table.initializer = ir.Constant(table.value_type, numbers)
    table.global_constant = True
    table.linkage = "internal"
    return writer.builder.bitcast(table, POINTER)
