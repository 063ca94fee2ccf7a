"""The times at which the time alone switches something in a program, found for each member before it runs."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.switching import TooManySwitches, switching_times
from bioxen.server.engines.kinetic.switching.conditions import Conditions

Floats = NDArray[np.float64]
_REMEMBERED = 256


class Foreseen:
    """Switching times by the values of the parameters that decide them."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._known: OrderedDict[tuple[bytes, float, float], Floats | None] = OrderedDict()

    def of(
        self, parameters: Floats, start: float, end: float
    ) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Return the times at which each member's steps must end.

        Args:
            parameters: [members][parameters].
            start: of the simulation.
            end: of the simulation.

        Returns:
            All times, one member's after the other's; where each member's begin, and the last one's end; the
            indices of members that have too many.
        """
        deciding = parameters[:, list(self._conditions.parameters)]
        rows = [self._stops(row, one, start, end) for row, one in zip(parameters, deciding, strict=True)]
        times = [np.empty(0) if row is None else row for row in rows]
        first = np.cumsum([0, *map(len, times)])
        crowded = np.array([index for index, row in enumerate(rows) if row is None], np.int64)
        return np.concatenate([np.empty(0), *times]), first, crowded

    def _stops(self, row: Floats, deciding: Floats, start: float, end: float) -> Floats | None:
        key = (deciding.tobytes(), start, end)
        if key not in self._known:
            try:
                found: Floats | None = np.unique(switching_times(self._conditions, row, start, end))
            except TooManySwitches:
                found = None
            self._known[key] = found
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]
