"""Many variants of one problem: each starts from that problem's optimum, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled, entry
from bioxen.server.engines.metabolic.kernel.dual import move_basic
from bioxen.server.engines.metabolic.kernel.folding import fold_one
from bioxen.server.engines.metabolic.kernel.front import Kernel, conclude, optimise
from bioxen.server.engines.metabolic.kernel.saved import restore, save
from bioxen.server.engines.metabolic.kernel.simplex import mend
from bioxen.server.engines.metabolic.kernel.state import (
    FEASIBLE,
    INFEASIBLE,
    OPTIMAL,
    positions,
    read_column,
    settle,
)
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


@entry
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
    """Write the status and the certificate of each variant, and which x it carries if there is room."""
    t, f, s, r = kernel.tableau, kernel.folding, kernel.state, kernel.room
    x = np.zeros(lower.size)
    own_lower, own_upper = lower.copy(), upper.copy()
    first, _ = optimise(kernel, lower, upper, cost, x)
    if first != OPTIMAL:
        return
    save(s, kernel.saved)
    position = np.zeros(s.z.size, np.int64)
    positions(s, position)
    for n in range(status.size):
        own = changes.columns[changes.starts[n] : changes.starts[n + 1]]
        for e in range(changes.starts[n], changes.starts[n + 1]):
            column = changes.columns[e]
            own_lower[column], own_upper[column] = changes.lower[e], changes.upper[e]
        restore(s, kernel.saved)
        possible = True
        for column in own:
            possible = _rebound(kernel, own_lower, own_upper, column, position) and possible
        status[n], proof = conclude(
            kernel, mend(t, s, r.cost) if possible else INFEASIBLE, own_lower, own_upper, cost, x
        )
        for i in range(5):
            proofs[n, i] = proof[i]
        if carried.shape[0] > 0:
            for i in range(x.size):
                carried[n, i] = x[i] != 0.0
        for column in own:
            own_lower[column], own_upper[column] = lower[column], upper[column]
        for column in own:
            if f.root[column] < f.starts.size - 1:
                fold_one(f, own_lower, own_upper, r.low, r.high, f.root[column])


@compiled
def _rebound(kernel: Kernel, lower: Vector, upper: Vector, column: int, position: Numbers) -> bool:
    """Give the variable behind `column` its new bounds; return whether they leave anything."""
    f, s, r = kernel.folding, kernel.state, kernel.room
    z = f.root[column]
    if not lower[column] <= upper[column]:
        return False
    if z >= f.starts.size - 1:
        return bool(lower[column] <= FEASIBLE and upper[column] >= -FEASIBLE)
    if not fold_one(f, lower, upper, r.low, r.high, z):
        return False
    p = position[z]
    before, up = s.x[p], s.x[p] == s.high[p] if abs(s.slopes[p]) <= FEASIBLE else s.slopes[p] < 0.0
    s.low[p], s.high[p] = r.low[z], r.high[z]
    if p >= s.rows:
        settle(s, p, up)
        if s.x[p] != before:
            read_column(kernel.tableau, s, p)
            move_basic(s, s.x[p] - before)
    return True
