"""Many variants of one problem: each starts from that problem's optimum, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.folding import fold_one
from bioxen.server.engines.metabolic.kernel.front import Kernel, certify, optimise
from bioxen.server.engines.metabolic.kernel.saved import restore, save
from bioxen.server.engines.metabolic.kernel.simplex import mend
from bioxen.server.engines.metabolic.kernel.state import FEASIBLE, INFEASIBLE, OPTIMAL, State, settle
from bioxen.server.engines.metabolic.kernel.tableau import Flags, Numbers, Table
from bioxen.server.engines.metabolic.network import Vector


class Changes(NamedTuple):
    """For each variant the x whose bounds are others, one variant after another."""

    starts: Numbers
    """Where each variant begins, and the end."""
    columns: Numbers
    lower: Vector
    upper: Vector

    def apply(self, number: int, lower: Vector, upper: Vector) -> tuple[Vector, Vector]:
        """Return all bounds of one variant."""
        own = slice(self.starts[number], self.starts[number + 1])
        lower, upper = lower.copy(), upper.copy()
        lower[self.columns[own]], upper[self.columns[own]] = self.lower[own], self.upper[own]
        return lower, upper


def changes_of(variants: Iterable[Sequence[tuple[int, float, float]]]) -> Changes:
    """Return the variants, each a list of (column, lower, upper)."""
    listed = list(variants)
    flat = np.array([row for one in listed for row in one], dtype=float).reshape(-1, 3)
    starts = np.concatenate([[0], np.cumsum([len(one) for one in listed], dtype=np.int64)]).astype(np.int64)
    columns, lower, upper = (np.ascontiguousarray(column) for column in flat.T)
    return Changes(starts, columns.astype(np.int64), lower, upper)


def stopped(sets: Sequence[Sequence[int]]) -> Changes:
    """Return the variants in which these x are 0."""
    starts = np.concatenate([[0], np.cumsum([len(one) for one in sets], dtype=np.int64)]).astype(np.int64)
    columns = np.array([column for one in sets for column in one], dtype=np.int64)
    return Changes(starts, columns, np.zeros(len(columns)), np.zeros(len(columns)))


@compiled
def variants(
    kernel: Kernel,
    lower: Vector,
    upper: Vector,
    cost: Vector,
    changes: Changes,
    status: Numbers,
    proofs: Table,
    carried: Flags,
) -> None:
    """Write the status and `prove`'s numbers of each variant, and which x it carries if there is room."""
    t, f, s, r = kernel.tableau, kernel.folding, kernel.state, kernel.room
    x = np.zeros(lower.size)
    own_lower, own_upper = lower.copy(), upper.copy()
    first, _ = optimise(kernel, lower, upper, cost, x)
    if first != OPTIMAL:
        return
    save(s, kernel.saved)
    position = _positions(s, r.z.size)
    for n in range(status.size):
        entries = range(changes.starts[n], changes.starts[n + 1])
        for e in entries:
            column = changes.columns[e]
            own_lower[column], own_upper[column] = changes.lower[e], changes.upper[e]
        restore(s, kernel.saved)
        possible = True
        for e in entries:
            possible = _rebound(kernel, own_lower, own_upper, changes.columns[e], position) and possible
        status[n] = mend(t, s, r.cost) if possible else INFEASIBLE
        if status[n] == OPTIMAL:
            proof = certify(kernel, own_lower, own_upper, cost, x)
            for i in range(5):
                proofs[n, i] = proof[i]
            if carried.shape[0] > 0:
                for i in range(x.size):
                    carried[n, i] = x[i] != 0.0
        for e in entries:
            column = changes.columns[e]
            own_lower[column], own_upper[column] = lower[column], upper[column]
        for e in entries:
            z = f.root[changes.columns[e]]
            if z >= 0:
                fold_one(f, own_lower, own_upper, r.low, r.high, z)


@compiled
def _positions(s: State, count: int) -> Numbers:
    """Return for each variable its row, or −1 − its column."""
    position = np.zeros(count, np.int64)
    for i in range(s.basic.size):
        if s.basic[i] < count:
            position[s.basic[i]] = i
    for j in range(s.nonbasic.size):
        if s.nonbasic[j] < count:
            position[s.nonbasic[j]] = -1 - j
    return position


@compiled
def _rebound(kernel: Kernel, lower: Vector, upper: Vector, column: int, position: Numbers) -> bool:
    """Give the variable behind `column` its new bounds; return whether they leave anything."""
    f, s, r = kernel.folding, kernel.state, kernel.room
    z = f.root[column]
    if not lower[column] <= upper[column]:
        return False
    if z < 0:
        return bool(lower[column] <= FEASIBLE and upper[column] >= -FEASIBLE)
    if not fold_one(f, lower, upper, r.low, r.high, z):
        return False
    p = position[z]
    if p >= 0:
        s.low_basic[p], s.high_basic[p] = r.low[z], r.high[z]
    else:
        j = -1 - p
        up = s.x[j] == s.high[j] if abs(s.slopes[j]) <= FEASIBLE else s.slopes[j] < 0.0
        s.low[j], s.high[j] = r.low[z], r.high[z]
        settle(s, j, up)
    return True
