"""One step of Rodas5P of one member."""

from __future__ import annotations

from functools import partial
from typing import Any

from bioxen.server.engines.kinetic.lanes.gpu.member import Member
from bioxen.server.engines.kinetic.lanes.gpu.writer import Number
from bioxen.server.engines.kinetic.lanes.ode.elimination import Plan
from bioxen.server.engines.kinetic.lanes.ode.tableaus import (
    RODAS_COUPLING,
    RODAS_DENSE,
    RODAS_NODES,
    RODAS_STAGES,
    RODAS_STATE,
    RODAS_TIMES,
)

_TIMED = 5
"""Stages that look at the rates' partial derivative by the time."""


class Implicit:
    """Writes the step; functions `decompose` and `solve` are those of `ode/straight.py`."""

    def __init__(self, member: Member, plan: Plan, functions: Any) -> None:
        writer = member.writer
        self._m, self._functions = member, functions
        self.start = writer.array(member.n)
        """Where the rates at the start of the first step are wanted; no later step needs them."""
        self._k = [writer.array(member.n) for _ in range(RODAS_STAGES)]
        self._jacobian, self._factors = writer.array(len(plan.entries)), writer.array(plan.size)
        self._right, self._step = writer.array(member.n), writer.array(1)
        self._by_time = writer.array(member.n) if "time_rate" in functions else None

    def attempt(self) -> Number:
        """Write the new state and the stages; return the error, of which 1 is allowed."""
        m, w = self._m, self._m.writer
        m.call(self._functions["jacobian"], m.time.get(), m.state, self._jacobian)
        if self._by_time is not None:
            m.call(self._functions["time_rate"], m.time.get(), m.state, self._by_time)
        w.store(self._step, 0, m.step.get())
        w.call(self._functions["decompose"], self._step, self._jacobian, self._jacobian, self._factors)
        inverse = 1.0 / m.step.get()
        for s in range(RODAS_STAGES):
            m.each(partial(self._prepare, s, inverse))
            m.rates(m.time.get() + m.step.get() * float(RODAS_NODES[s]), m.stage, self._right)
            w.call(self._functions["solve"], self._step, self._factors, self._right, self._k[s])
        total = w.variable(w.number(0.0))

        def add(i: Any) -> None:
            error = w.load(self._k[-1], i)
            w.store(m.new, i, w.load(m.stage, i) + error)
            share = error / m.scale(i, w.load(m.new, i))
            total.set(total.get() + share * share)

        m.each(add)
        return w.root(total.get() / float(max(m.n, 1)))

    def _prepare(self, s: int, inverse: Number, i: Any) -> None:
        """Write the state of stage `s`, and what its right side has besides the rates."""
        m, w = self._m, self._m.writer
        state, coupling = w.load(m.stage if s > _TIMED else m.state, i), w.number(0.0)
        for j in range(s):
            earlier = w.load(self._k[j], i)
            if s <= _TIMED or j == s - 1:
                state = state + float(RODAS_STATE[s, j]) * earlier
            coupling = coupling + float(RODAS_COUPLING[s, j]) * earlier
        w.store(m.stage, i, state)
        coupling = inverse * coupling
        if self._by_time is not None and s < _TIMED:
            coupling = coupling + m.step.get() * float(RODAS_TIMES[s]) * w.load(self._by_time, i)
        w.store(self._k[s], i, coupling)

    def sampled(self, i: Any, share: Number) -> Number:
        """Return state `i` at a share of the step."""
        m, w = self._m, self._m.writer
        before = w.load(m.new, i) - w.load(m.state, i)
        powers: list[Number] = []
        for weights in RODAS_DENSE.tolist():
            total = w.number(0.0)
            for k, weight in zip(self._k, weights, strict=True):
                total = total + weight * w.load(k, i)
            powers.append(total - before if powers else before + total)
            before = total
        last = w.number(0.0) - before
        inner = powers[0] + share * (powers[1] + share * (powers[2] + share * last))
        return w.load(m.state, i) + share * inner

    def advance(self) -> None:
        """Take the step: nothing of it is needed again."""
