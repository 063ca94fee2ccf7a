"""Random draws outside of the drivers: of initial values, and one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.random.rows import COUNTER, SEED, STREAM
from bioxen.server.engines.kinetic.lanes.random.sample import sample
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_BEFORE = 1 << 62
"""Counters from here on are for initial values; no trajectory gets so far."""
_EACH = 1 << 40
"""Counters that each draw of an initial value has for itself."""
_ROWS = 1 + max(COUNTER, STREAM, SEED)


def draw_for_members(
    code: int, arguments: NDArray[np.float64], index: int, members: NDArray[np.uint64]
) -> NDArray[np.float64]:
    """Return what one draw of an initial value gives each member: a function of its stream and the draw.

    Args:
        code: the distribution.
        arguments: [members][4], as `sample` has them.
        index: which of the model's draws it is.
        members: of each row, as `streams` gives them.
    """
    found = np.empty(len(arguments))
    _each(code, arguments, _BEFORE + index * _EACH, members, found)
    return found


@compiled
def _each(
    code: int,
    arguments: NDArray[np.float64],
    counter: int,
    members: NDArray[np.uint64],
    found: NDArray[np.float64],
) -> None:
    number = np.zeros(_ROWS * WIDTH, np.int64)
    for row in range(len(arguments)):
        number[COUNTER * WIDTH] = counter
        number[SEED * WIDTH], number[STREAM * WIDTH] = members[row]
        a, b, low, high = arguments[row]
        found[row] = sample(number, 0, code, a, b, low, high)


class Stream:
    """Draws one after the other: stream 0 of a seed."""

    def __init__(self, seed: int) -> None:
        self._number = np.zeros(_ROWS * WIDTH, np.int64)
        self._number.view(np.uint64)[SEED * WIDTH] = seed

    def draw(self, code: int, a: float, b: float, low: float, high: float) -> float:
        """Return the next number, from a distribution as `sample` has it."""
        return float(sample(self._number, 0, code, a, b, low, high))
