"""The bounded dual simplex: reduced costs stay right while violated bounds are mended."""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.state import (
    FEASIBLE,
    INFEASIBLE,
    MAX_PIVOTS,
    NUMERIC,
    OPTIMAL,
    PIVOT,
    PIVOTS,
    SOUND,
    State,
    exchange,
    read_column,
    read_row,
)
from bioxen.server.engines.metabolic.kernel.tableau import Tableau

SAME = 1e-6
"""The pivot is read from its row and from its column; they may differ by this share."""


@compiled
def dual(t: Tableau, s: State) -> int:
    """Pivot until every basic variable is within its bounds."""
    while True:
        p = _leaving(s)
        if p < 0:
            return OPTIMAL
        if s.k[0] >= MAX_PIVOTS:
            return PIVOTS
        below = s.x_basic[p] < s.low_basic[p]
        bound = s.low_basic[p] if below else s.high_basic[p]
        read_row(t, s, p)
        q = _entering(t, s, below, abs(s.x_basic[p] - bound))
        if q < 0:
            return INFEASIBLE
        read_column(t, s, q)
        alpha = s.column[p]
        if abs(alpha - s.row[q]) > SAME * abs(alpha) or abs(alpha) < PIVOT:
            return NUMERIC
        step = (s.x_basic[p] - bound) / alpha
        for i in range(s.x_basic.size):
            s.x_basic[i] -= step * s.column[i]
        s.x_basic[p], s.x[q] = s.x[q] + step, bound
        exchange(s, p, q)
        _shift(s)


@compiled
def _leaving(s: State) -> int:
    """Return the row whose violation is largest for its weight, the first of equals; −1 where none is."""
    chosen, best = -1, 0.0
    for i in range(s.x_basic.size):
        excess = max(s.low_basic[i] - s.x_basic[i], s.x_basic[i] - s.high_basic[i])
        if excess > s.feasible[0] and excess * excess > best * s.row_weights[i]:
            chosen, best = i, excess * excess / s.row_weights[i]
    return chosen


@compiled
def _entering(t: Tableau, s: State, below: bool, excess: float) -> int:
    """Return the column to enter; −1 where no move of any variable can mend the row.

    Harris's two passes find the columns whose reduced costs reach 0 first, give or take the tolerance. If
    moving all of these to their other bounds does not mend the row, they are moved there and the search
    goes on; else the one with the largest pivot enters.
    """
    count = _candidates(s, below, SOUND)
    if count == 0:
        count = _candidates(s, below, PIVOT)
    flips = False
    q = -1
    while count > 0:
        limit = np.inf
        for c in range(count):
            j = s.candidates[c]
            limit = min(limit, (abs(s.slopes[j]) + FEASIBLE) / abs(s.row[j]))
        gain, largest, q = 0.0, 0.0, -1
        for c in range(count):
            j = s.candidates[c]
            size = abs(s.row[j])
            if abs(s.slopes[j]) <= limit * size:
                gain += size * (s.high[j] - s.low[j])
                if size > largest:
                    q, largest = j, size
        if excess - gain <= s.feasible[0]:
            break
        excess -= gain
        count = _flip(s, count, limit)
        flips = True
        q = -1
    if flips and q >= 0:
        _move_flipped(t, s)
    return q


@compiled
def _candidates(s: State, below: bool, least: float) -> int:
    """List the columns whose feasible move mends the row."""
    count = 0
    for j in range(s.row.size):
        entry = s.row[j] if below else -s.row[j]
        if abs(entry) > least and s.low[j] < s.high[j]:
            can_rise, can_fall = s.x[j] < s.high[j], s.x[j] > s.low[j]
            if (entry < 0.0 and can_rise) or (entry > 0.0 and can_fall):
                s.candidates[count] = j
                s.flipped[j] = False
                count += 1
        else:
            s.flipped[j] = False
    return count


@compiled
def _flip(s: State, count: int, limit: float) -> int:
    """Mark the columns within `limit` as going to their other bounds, and drop them from the list."""
    left = 0
    for c in range(count):
        j = s.candidates[c]
        if abs(s.slopes[j]) <= limit * abs(s.row[j]):
            s.flipped[j] = True
        else:
            s.candidates[left] = j
            left += 1
    return left


@compiled
def _move_flipped(t: Tableau, s: State) -> None:
    """Move the marked columns to their other bounds, and the basic variables with them."""
    for j in range(s.flipped.size):
        if s.flipped[j]:
            other = s.low[j] if s.x[j] == s.high[j] else s.high[j]
            read_column(t, s, j)
            for i in range(s.x_basic.size):
                s.x_basic[i] -= (other - s.x[j]) * s.column[i]
            s.x[j] = other


@compiled
def _shift(s: State) -> None:
    """Take a reduced cost that Harris's tolerance let slip past 0 for 0; the primal simplex ends this."""
    for j in range(s.slopes.size):
        slope = s.slopes[j]
        if slope != 0.0 and s.low[j] < s.high[j]:
            right = (slope > 0.0 and s.x[j] == s.low[j]) or (slope < 0.0 and s.x[j] == s.high[j])
            if not right:
                s.slopes[j] = 0.0
