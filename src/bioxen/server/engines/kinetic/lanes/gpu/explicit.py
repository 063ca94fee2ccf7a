"""One step of Tsit5 of one member."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from bioxen.server.engines.kinetic.lanes.gpu.member import Member
from bioxen.server.engines.kinetic.lanes.gpu.writer import Number
from bioxen.server.engines.kinetic.lanes.ode.explicit import WEIGHTS
from bioxen.server.engines.kinetic.lanes.ode.tableaus import TSIT5_DENSE, TSIT5_ERROR, TSIT5_NODES

_STAGES = (
    (0.161,),
    (-0.008480655492356989, 0.335480655492357),
    (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
    (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
    (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
    WEIGHTS,
)
"""The weights of the earlier slopes in each stage; the last stage is the new state."""


class Explicit:
    """Writes the step; `slopes[0]` are the rates at its start."""

    def __init__(self, member: Member) -> None:
        self._m = member
        self.slopes = [member.writer.array(member.n) for _ in range(7)]

    @property
    def start(self) -> Any:
        """Where the rates at the start of the step are wanted."""
        return self.slopes[0]

    def attempt(self) -> Number:
        """Write the new state and the stages; return the error, of which 1 is allowed."""
        m = self._m
        for s, weights in enumerate(_STAGES, start=1):
            target = m.stage if s < len(_STAGES) else m.new
            m.each(partial(self._move, target, weights))
            m.rates(m.time.get() + m.step.get() * float(TSIT5_NODES[s]), target, self.slopes[s])
        total = m.writer.variable(m.writer.number(0.0))

        def add(i: Any) -> None:
            share = m.step.get() * self._sum(i, TSIT5_ERROR.tolist()) / m.scale(i, m.writer.load(m.new, i))
            total.set(total.get() + share * share)

        m.each(add)
        return m.writer.root(total.get() / float(max(m.n, 1)))

    def sampled(self, i: Any, share: Number) -> Number:
        """Return state `i` at a share of the step."""
        m = self._m
        weights = [
            share * (power[0] + share * (power[1] + share * (power[2] + share * power[3])))
            for power in TSIT5_DENSE.tolist()
        ]
        total: Number = weights[0] * m.writer.load(self.slopes[0], i)
        for slope, weight in zip(self.slopes[1:], weights[1:], strict=True):
            total = total + weight * m.writer.load(slope, i)
        return m.writer.load(m.state, i) + m.step.get() * total

    def advance(self) -> None:
        """Take the step: its last stage is the first of the next one."""
        m = self._m
        m.each(lambda i: m.writer.store(self.slopes[0], i, m.writer.load(self.slopes[6], i)))

    def _move(self, target: Any, weights: Sequence[float], i: Any) -> None:
        w, m = self._m.writer, self._m
        w.store(target, i, w.load(m.state, i) + m.step.get() * self._sum(i, weights))

    def _sum(self, i: Any, weights: Sequence[float]) -> Number:
        load = self._m.writer.load
        total: Number = weights[0] * load(self.slopes[0], i)
        for slope, weight in zip(self.slopes[1:], weights[1:], strict=False):
            total = total + weight * load(slope, i)
        return total
