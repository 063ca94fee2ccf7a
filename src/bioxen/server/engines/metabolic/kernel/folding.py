"""`Reduction.fold_bounds` and `fold_cost`, without the cost of a dozen array operations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.tableau import Columns, Numbers
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.reduction import CROSSED, SNAP


class Folding(NamedTuple):
    """x = factor·z[root], and the x of each z side by side."""

    root: Numbers
    factor: Vector
    members: Numbers
    starts: Numbers
    """Where in `members` each z begins, and the end."""
    matrix: Columns
    """The matrix over x."""
    rows: int


@compiled
def fold(f: Folding, lower: Vector, upper: Vector, low: Vector, high: Vector) -> bool:
    """Write the bounds of z that say what these say of x; return whether they leave anything."""
    for x in range(lower.size):
        if not lower[x] <= upper[x]:
            return False
        if f.root[x] < 0 and (lower[x] > CROSSED or upper[x] < -CROSSED):
            return False
    for z in range(low.size):  # noqa: SIM110 - numba has no all() over a generator
        if not fold_one(f, lower, upper, low, high, z):
            return False
    return True


@compiled
def fold_one(f: Folding, lower: Vector, upper: Vector, low: Vector, high: Vector, z: int) -> bool:
    """Write the bounds of this z; return whether they leave anything."""
    least, most = -np.inf, np.inf
    for e in range(f.starts[z], f.starts[z + 1]):
        x = f.members[e]
        low_x, high_x, factor = lower[x], upper[x], f.factor[x]
        if factor != 1.0:  # divisions are what this loop's time goes into
            low_x, high_x = low_x / factor, high_x / factor
            if factor < 0.0:
                low_x, high_x = high_x, low_x
        least, most = max(least, low_x), min(most, high_x)
    if least > most:
        if least - most > CROSSED:
            return False
        least = most = (least + most) / 2
    low[z], high[z] = least, most
    return True


@compiled
def fold_cost(f: Folding, cost: Vector, out: Vector) -> None:
    """Write the costs of z that are those of x."""
    out[:] = 0.0
    for x in range(cost.size):
        if f.root[x] >= 0:
            out[f.root[x]] += cost[x] * f.factor[x]


@compiled
def expand(f: Folding, z: Vector, lower: Vector, upper: Vector, x: Vector) -> None:
    """Write x, at its bound where only rounding keeps it from there."""
    for i in range(x.size):
        value = z[f.root[i]] * f.factor[i] if f.root[i] >= 0 else 0.0
        if abs(value - lower[i]) <= SNAP * max(1.0, abs(lower[i])) and lower[i] > -np.inf:
            value = lower[i]
        if abs(value - upper[i]) <= SNAP * max(1.0, abs(upper[i])) and upper[i] < np.inf:
            value = upper[i]
        x[i] = value
