"""Random draws of one trajectory, from the stream of its seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bioxen.server.engines.kinetic.runner import SolverFailure

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.lanes.random.draws import Stream


class Chance:
    """Where compiled formulas draw; `begin` comes before each trajectory."""

    def __init__(self) -> None:
        self.needed = False
        """Whether the model draws anything."""
        self.count = 0
        """Numbers drawn since the beginning."""
        self._stream: Stream | None = None
        self._kept: dict[int, float] = {}

    def begin(self, seed: int) -> None:
        """Forget what was drawn, and take the stream of `seed`."""
        self.count = 0
        self._kept.clear()
        if self.needed:
            from bioxen.server.engines.kinetic.lanes.random.draws import Stream  # late: few models draw

            self._stream = Stream(seed)

    def draw(self, code: int, a: float, b: float, low: float, high: float) -> float:
        """Return the next number from a distribution.

        Raises:
            SolverFailure: the arguments make none.
        """
        assert self._stream is not None  # noqa: S101 - `begin` comes first
        self.count += 1
        found = self._stream.draw(code, a, b, low, high)
        if math.isnan(found):
            raise SolverFailure("a random draw from no distribution: its arguments or bounds have no meaning")
        return found

    def once(self, number: int, code: int, a: float, b: float, low: float, high: float) -> float:
        """Return what draw `number` of the initial assignments gave, however often it is looked at."""
        if number not in self._kept:
            self._kept[number] = self.draw(code, a, b, low, high)
        return self._kept[number]
