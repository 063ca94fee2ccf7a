"""Adaptive integration of one member: the steps of `ode/drive.py`, for models in which nothing jumps."""

from __future__ import annotations

from typing import Any

from bioxen.server.engines.kinetic.lanes.events.status import DONE, NOT_FINITE
from bioxen.server.engines.kinetic.lanes.gpu.elementary import exponential2, logarithm, power_of
from bioxen.server.engines.kinetic.lanes.gpu.member import Member
from bioxen.server.engines.kinetic.lanes.gpu.writer import POINTER, WORD, Number, Writer
from bioxen.server.engines.kinetic.lanes.ode.control import (
    HUGE,
    LARGEST,
    LOG2,
    SAFETY,
    SMALLEST,
)
from bioxen.server.engines.kinetic.lanes.ode.seats import SMALLEST as SMALLEST_STEP
from bioxen.server.engines.kinetic.lanes.ode.seats import TOO_MANY_STEPS, TOO_SMALL, ULPS

RUNNING = -1
KINDS = [WORD, POINTER, POINTER, POINTER, POINTER, POINTER, WORD, WORD, POINTER, POINTER]
"""The member's index; states, parameters, absolute tolerances, times, `OPTIONS`; counts of points and of
steps at most; values; report."""
OPTIONS = ("start", "relative_tolerance", "allowance", "longest_step")
REPORT = 3
"""Words of a member's report: status, steps accepted, steps rejected."""


class Integration:
    """Writes the function that integrates one member."""

    def __init__(self, writer: Writer, member: Member, method: Any) -> None:
        self._w, self._m, self._method = writer, member, method
        at, states, parameters, absolute, times, options, points, most, values, report = writer.arguments
        self._times, self._points, self._most = times, points, most
        self._at, self._report = at, report
        self._start, relative, allowed, self._longest = (writer.load(options, i) for i in range(len(OPTIONS)))
        self._allowed = allowed
        member.within(absolute, relative)
        b = writer.builder
        self._values = writer.address(values, b.mul(at, b.mul(points, writer.index(member.n))))
        self._given = (
            writer.address(states, b.mul(at, writer.index(member.n))),
            writer.address(parameters, b.mul(at, writer.index(member.m))),
        )
        zero = writer.index(0)
        self._status, self._point = writer.counter(writer.index(RUNNING)), writer.counter(zero)
        self._steps, self._rejected = writer.counter(zero), writer.counter(zero)
        self._log_error = writer.variable(writer.number(0.0))
        self._growth = writer.variable(writer.number(LARGEST))

    def write(self) -> None:
        """Write the whole."""
        w, m = self._w, self._m
        m.each(lambda i: w.store(m.state, i, w.load(self._given[0], i)))
        w.each(m.m, lambda i: w.store(m.parameters, i, w.load(self._given[1], i)))
        m.time.set(self._start)
        self._limit = w.load(self._times, w.builder.sub(self._points, w.index(1)))
        with w.repeat(lambda: self._is_before(m.time.get())):
            self._record(lambda i: w.load(m.state, i))
        self._end_or_go_on()
        with w.when(self._is_running()):
            self._first_step()
        with w.repeat(self._is_running):
            self._one()
        self._finish()

    def _is_running(self) -> Any:
        return self._w.builder.icmp_signed("==", self._status.get(), self._w.index(RUNNING))

    def _one(self) -> None:
        w, m = self._w, self._m
        step, left = w.smaller(self._longest, m.step.get()), self._limit - m.time.get()
        ending = step >= left * (1 - 1e-12)
        end = w.choose(ending, self._limit, m.time.get() + step)
        m.step.set(w.choose(ending, left, step))
        error = self._method.attempt()
        accepted, factor = self._judge(error)
        with w.when(accepted):
            with w.repeat(lambda: self._is_before(end)):
                due = w.load(self._times, self._point.get())
                share = (due - m.time.get()) / m.step.get()
                at_end = share >= 1.0
                self._record(
                    lambda i: w.choose(at_end, w.load(m.new, i), self._method.sampled(i, share)),
                )
            m.each(lambda i: w.store(m.state, i, w.load(m.new, i)))
            self._method.advance()
            m.time.set(end)
        self._count(accepted)
        m.step.set(m.step.get() * factor)
        self._fail_where_hopeless(accepted, error)
        self._end_or_go_on()

    def _is_before(self, end: Number) -> Any:
        """Return the truth that the next point is wanted up to `end`; beyond the last one nothing is read."""
        w = self._w
        more = w.builder.icmp_signed("<", self._point.get(), self._points)
        safe = w.builder.select(more, self._point.get(), w.index(0))
        return w.both(more, w.load(self._times, safe) <= end)

    def _record(self, value: Any) -> None:
        w, m = self._w, self._m
        row = w.address(self._values, w.builder.mul(self._point.get(), w.index(m.n)))
        m.each(lambda i: w.store(row, i, value(i)))
        self._point.set(w.builder.add(self._point.get(), w.index(1)))

    def _judge(self, error: Number) -> tuple[Any, Number]:
        """Return whether the step is accepted and the factor for the next, as `ode/control.py`."""
        w = self._w
        error = error * (1.0 / self._allowed)
        bounded = w.choose(error < HUGE, error, HUGE)
        accepted = error <= 1.0
        now = logarithm(w, w.larger(bounded, 1e-6)) * LOG2
        onward = SAFETY * exponential2(w, 0.08 * self._log_error.get() - 0.14 * now)
        back = SAFETY * exponential2(w, now * -0.2)
        factor = w.smaller(w.larger(w.choose(accepted, onward, back), SMALLEST), self._growth.get())
        self._growth.set(w.choose(accepted, w.number(LARGEST), 1.0))
        self._log_error.set(w.choose(accepted, now, self._log_error.get()))
        return accepted, factor

    def _count(self, accepted: Any) -> None:
        w = self._w
        one = w.builder.zext(accepted, WORD)
        self._steps.set(w.builder.add(self._steps.get(), one))
        self._rejected.set(w.builder.add(self._rejected.get(), w.builder.sub(w.index(1), one)))

    def _fail_where_hopeless(self, accepted: Any, error: Number) -> None:
        w, m = self._w, self._m
        b, time = w.builder, m.time.get()
        least = w.larger(ULPS * w.magnitude(time), SMALLEST_STEP)
        hopeless = w.both(b.not_(accepted), b.not_(m.step.get() > least))
        with w.when(hopeless):
            code = b.select(error < float("inf"), w.index(TOO_SMALL), w.index(NOT_FINITE))
            self._status.set(code)
        tried = b.add(self._steps.get(), self._rejected.get())
        with w.when(w.both(b.icmp_signed(">=", tried, self._most), time < self._limit)):
            self._status.set(w.index(TOO_MANY_STEPS))

    def _end_or_go_on(self) -> None:
        """Note the end, and a state that is not finite there."""
        w, m = self._w, self._m
        with w.when(w.both(self._is_running(), m.time.get() >= self._limit)):
            self._status.set(w.index(DONE))

            def look(i: Any) -> None:
                finite = w.magnitude(w.load(m.state, i)) < float("inf")
                self._status.set(w.builder.select(finite, self._status.get(), w.index(NOT_FINITE)))

            m.each(look)

    def _finish(self) -> None:
        w, b = self._w, self._w.builder
        with w.when(b.icmp_signed("!=", self._status.get(), w.index(DONE))):
            nothing = w.number(float("nan"))
            with w.repeat(lambda: b.icmp_signed("<", self._point.get(), self._points)):
                self._record(lambda _: nothing)
        row = b.mul(self._at, w.index(REPORT))
        for place, word in enumerate((self._status, self._steps, self._rejected)):
            w.store_whole(self._report, b.add(row, w.index(place)), word.get())

    def _first_step(self) -> None:
        """Choose the first step from first and second derivatives, as `ode/control.py`."""
        w, m = self._w, self._m
        span = self._limit - m.time.get()
        m.rates(m.time.get(), m.state, self._method.start)
        d0 = self._norm(lambda i: w.load(m.state, i))
        d1 = self._norm(lambda i: w.load(self._method.start, i))
        tiny = 1e-6 * span
        trial = w.choose(d0 > 1e-5, w.choose(d1 > 1e-5 / span, 0.01 * (d0 / d1), tiny), tiny)
        trial = w.smaller(trial, span)
        moved = w.load
        m.each(
            lambda i: w.store(m.stage, i, moved(m.state, i) + trial * moved(self._method.start, i)),
        )
        m.rates(m.time.get() + trial, m.stage, m.new)
        d2 = self._norm(lambda i: w.load(m.new, i) - w.load(self._method.start, i)) / trial
        steepest = w.larger(d1, d2)
        known = w.larger(w.choose(steepest < 1e200, steepest, 1e200), 1e-200)
        step = w.choose(known * span > 1e-14, power_of(w, 0.01 / known, 0.2), span)
        step = w.smaller(w.smaller(step, 100.0 * trial), span)
        m.step.set(w.choose(step > 0.0, step, tiny))

    def _norm(self, value: Any) -> Number:
        w, m = self._w, self._m
        total = w.variable(w.number(0.0))

        def add(i: Any) -> None:
            share = value(i) / m.scale(i)
            total.set(total.get() + share * share)

        m.each(add)
        return w.root(total.get() / float(max(m.n, 1)))
