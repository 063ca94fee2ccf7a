"""The bounded primal simplex: bounds stay kept while the costs fall."""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.dual import move_basic
from bioxen.server.engines.metabolic.kernel.state import (
    MAX_PIVOTS,
    OPTIMAL,
    PIVOT,
    PIVOTS,
    UNBOUNDED,
    State,
    exchange,
    read_column,
    read_row,
)
from bioxen.server.engines.metabolic.kernel.tableau import Tableau

PATIENCE = 100
"""After this many steps in a row that gain nothing, the first column that could gain enters, not the best."""


@compiled
def primal(t: Tableau, s: State) -> int:
    """Pivot until no reduced cost says that the costs could fall."""
    idle = 0
    while True:
        q = _entering(s, idle > PATIENCE)
        if q < 0:
            return OPTIMAL
        if s.k[0] >= MAX_PIVOTS:
            return PIVOTS
        rises = s.slopes[q] < 0.0
        read_column(t, s, q)
        p, step = _leaving(s, rises, s.high[q] - s.low[q])
        if step == np.inf:
            return UNBOUNDED
        idle = idle + 1 if step <= s.near[0] else 0
        move = step if rises else -step
        move_basic(s, move)
        if p < 0:
            s.x[q] = s.high[q] if rises else s.low[q]
            continue
        read_row(t, s, p)
        falls = (s.entries[p] > 0.0) == rises
        bound = s.low[p] if falls else s.high[p]
        s.x[p], s.x[q] = s.x[q] + move, bound
        exchange(s, p, q)


@compiled
def _entering(s: State, first: bool) -> int:
    """Return the column whose reduced cost is largest for its weight, the first of equals; −1: none."""
    x, low, high, slopes = s.x[s.rows :], s.low[s.rows :], s.high[s.rows :], s.slopes[s.rows :]
    weights = s.weights[s.rows :]
    chosen, best, steep = -1, 0.0, s.near[1]
    for j in range(x.size):
        slope = slopes[j]
        gains = ((slope < -steep) & (x[j] < high[j])) | ((slope > steep) & (x[j] > low[j]))
        if gains and slope * slope > best * weights[j]:
            chosen, best = s.rows + j, slope * slope / weights[j]
            if first:
                break
    return chosen


@compiled
def _leaving(s: State, rises: bool, own: float) -> tuple[int, float]:
    """Return the row that blocks the entering column and the step to there; −1 and its own range: none does.

    Harris's two passes: how far all rows let it go, give or take the tolerance, then the largest pivot
    among those that block before.
    """
    count = 0
    for i in range(s.rows):
        s.candidates[count] = i
        count += abs(s.entries[i]) > PIVOT
    limit = np.inf
    for c in range(count):
        i = s.candidates[c]
        limit = min(limit, (max(_room(s, i, rises), 0.0) + s.near[0]) / abs(s.entries[i]))
    chosen, step, largest = -1, own, 0.0
    if own <= limit:
        return chosen, step
    for c in range(count):
        i = s.candidates[c]
        size = abs(s.entries[i])
        if size > largest:
            room = _room(s, i, rises)
            if room <= limit * size:
                chosen, step, largest = i, max(room, 0.0) / size, size
    return chosen, step


@compiled
def _room(s: State, i: int, rises: bool) -> float:
    """Return how far the basic variable is from the bound it moves to."""
    return float(s.x[i] - s.low[i] if (s.entries[i] > 0.0) == rises else s.high[i] - s.x[i])
