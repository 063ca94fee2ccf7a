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
        below = s.x[p] < s.low[p]
        bound = s.low[p] if below else s.high[p]
        read_row(t, s, p)
        q = _entering(t, s, below, abs(s.x[p] - bound))
        if q < 0:
            return INFEASIBLE
        read_column(t, s, q)
        alpha = s.entries[p]
        if abs(alpha - s.entries[q]) > SAME * abs(alpha) or abs(alpha) < PIVOT:
            return NUMERIC
        step = (s.x[p] - bound) / alpha
        move_basic(s, step)
        s.x[p], s.x[q] = s.x[q] + step, bound
        exchange(s, p, q)
        forgive(s)  # what Harris's tolerance let slip past 0


@compiled
def move_basic(s: State, step: float) -> None:
    """Move the basic variables as they must when that of the column read last moves by `step`."""
    for i in range(s.rows):
        s.x[i] -= step * s.entries[i]


@compiled
def _leaving(s: State) -> int:
    """Return the row whose violation is largest for its weight, the first of equals; −1 where none is."""
    chosen, best, near = -1, 0.0, s.near[0]
    for i in range(s.rows):
        excess = max(s.low[i] - s.x[i], s.x[i] - s.high[i])
        if excess > near and excess * excess > best * s.weights[i]:
            chosen, best = i, excess * excess / s.weights[i]
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
    every = count
    while count > 0:
        limit = np.inf
        for c in range(count):
            j = s.candidates[c]
            limit = min(limit, (abs(s.slopes[j]) + FEASIBLE) / abs(s.entries[j]))
        gain, largest, q = 0.0, 0.0, -1
        for c in range(count):
            j = s.candidates[c]
            size = abs(s.entries[j])
            if abs(s.slopes[j]) <= limit * size:
                gain += size * (s.high[j] - s.low[j])
                if size > largest:
                    q, largest = j, size
        if excess - gain <= s.near[0]:
            _move(t, s, count, every)
            return q
        excess -= gain
        count = _pass(s, count, limit)
    return -1


@compiled
def _candidates(s: State, below: bool, least: float) -> int:
    """List the columns whose feasible move mends the row."""
    x, low, high, entries = s.x[s.rows :], s.low[s.rows :], s.high[s.rows :], s.entries[s.rows :]
    count, sign = 0, 1.0 if below else -1.0
    for j in range(x.size):
        entry = sign * entries[j]
        s.candidates[count] = s.rows + j
        count += ((entry < -least) & (x[j] < high[j])) | ((entry > least) & (x[j] > low[j]))
    return count


@compiled
def _pass(s: State, count: int, limit: float) -> int:
    """Put the columns within `limit` behind the others; return how many others there are."""
    c = 0
    while c < count:
        j = s.candidates[c]
        if abs(s.slopes[j]) <= limit * abs(s.entries[j]):
            count -= 1
            s.candidates[c], s.candidates[count] = s.candidates[count], j
        else:
            c += 1
    return count


@compiled
def _move(t: Tableau, s: State, begin: int, end: int) -> None:
    """Move these candidates to their other bounds, and the basic variables with them."""
    for c in range(begin, end):
        j = s.candidates[c]
        other = s.low[j] if s.x[j] == s.high[j] else s.high[j]
        read_column(t, s, j)
        move_basic(s, other - s.x[j])
        s.x[j] = other


@compiled
def forgive(s: State) -> None:
    """Take the reduced costs that say this vertex is not optimal for 0; the primal simplex ends this."""
    x, low, high, slopes = s.x[s.rows :], s.low[s.rows :], s.high[s.rows :], s.slopes[s.rows :]
    for j in range(x.size):
        better = ((slopes[j] < 0.0) & (x[j] < high[j])) | ((slopes[j] > 0.0) & (x[j] > low[j]))
        slopes[j] = 0.0 if better else slopes[j]
