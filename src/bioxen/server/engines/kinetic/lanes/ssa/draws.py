"""Random draws outside of the drivers: of initial values, and one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.layout import COUNTER, STREAM
from bioxen.server.engines.kinetic.lanes.ssa.sample import sample

_BEFORE = 1 << 62
"""Counters from here on are for initial values; no trajectory gets so far."""
_EACH = 1 << 40
"""Counters that each draw of an initial value has for itself."""
_ROWS = 1 + max(COUNTER, STREAM)


def draw_for_members(
    code: int, arguments: NDArray[np.float64], index: int, seed: int, first_member: int
) -> NDArray[np.float64]:
    """Return what one draw of an initial value gives each member: a function of seed, member and draw.

    Args:
        code: the distribution.
        arguments: [members][4], as `sample` has them.
        index: which of the model's draws it is.
        seed: of the whole ensemble.
        first_member: the index of the first row in the whole ensemble.
    """
    found = np.empty(len(arguments))
    _each(code, arguments, _BEFORE + index * _EACH, np.uint64(seed), first_member, found)
    return found


@compiled
def _each(
    code: int,
    arguments: NDArray[np.float64],
    counter: int,
    seed: np.uint64,
    first_member: int,
    found: NDArray[np.float64],
) -> None:
    number = np.zeros(_ROWS * WIDTH, np.int64)
    for row in range(len(arguments)):
        number[COUNTER * WIDTH], number[STREAM * WIDTH] = counter, first_member + row
        a, b, low, high = arguments[row]
        found[row] = sample(number, 0, seed, code, a, b, low, high)


class Stream:
    """Draws one after the other: stream 0 of a seed."""

    def __init__(self, seed: int) -> None:
        self._number = np.zeros(_ROWS * WIDTH, np.int64)
        self._seed = np.uint64(seed)

    def draw(self, code: int, a: float, b: float, low: float, high: float) -> float:
        """Return the next number, from a distribution as `sample` has it."""
        return float(sample(self._number, 0, self._seed, code, a, b, low, high))
