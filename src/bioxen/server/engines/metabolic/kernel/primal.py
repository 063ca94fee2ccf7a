"""The bounded primal simplex: bounds stay kept while the costs fall."""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
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
        idle = idle + 1 if step <= s.feasible[0] else 0
        move = step if rises else -step
        for i in range(s.x_basic.size):
            s.x_basic[i] -= move * s.column[i]
        if p < 0:
            s.x[q] = s.high[q] if rises else s.low[q]
            continue
        read_row(t, s, p)
        falls = (s.column[p] > 0.0) == rises
        bound = s.low_basic[p] if falls else s.high_basic[p]
        s.x_basic[p], s.x[q] = s.x[q] + move, bound
        exchange(s, p, q)


@compiled
def _entering(s: State, first: bool) -> int:
    """Return the column whose reduced cost is largest for its weight, the first of equals; −1: none."""
    chosen, best = -1, 0.0
    for j in range(s.slopes.size):
        slope = s.slopes[j]
        if abs(slope) > s.steep[0] and s.low[j] < s.high[j]:
            gains = s.x[j] < s.high[j] if slope < 0.0 else s.x[j] > s.low[j]
            if gains and slope * slope > best * s.column_weights[j]:
                chosen, best = j, slope * slope / s.column_weights[j]
                if first:
                    break
    return chosen


@compiled
def _leaving(s: State, rises: bool, own: float) -> tuple[int, float]:
    """Return the row that blocks the entering column and the step to there; −1 and its own range: none does.

    Harris's two passes: how far all rows let it go, give or take the tolerance, then the largest pivot
    among those that block before.
    """
    limit = np.inf
    for i in range(s.column.size):
        entry = s.column[i] if rises else -s.column[i]
        if abs(entry) > PIVOT:
            room = s.x_basic[i] - s.low_basic[i] if entry > 0.0 else s.high_basic[i] - s.x_basic[i]
            if room < np.inf:
                limit = min(limit, (max(room, 0.0) + s.feasible[0]) / abs(entry))
    chosen, step, largest = -1, own, 0.0
    if own <= limit:
        return chosen, step
    for i in range(s.column.size):
        entry = s.column[i] if rises else -s.column[i]
        if abs(entry) > max(PIVOT, largest):
            room = s.x_basic[i] - s.low_basic[i] if entry > 0.0 else s.high_basic[i] - s.x_basic[i]
            if room <= limit * abs(entry):
                chosen, step, largest = i, max(room, 0.0) / abs(entry), abs(entry)
    return chosen, step
