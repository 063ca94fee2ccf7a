"""`Reduction.fold_bounds`, `fold_cost` and `expand`, without the cost of a dozen array operations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.tableau import Numbers, Sparse
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.reduction import CROSSED, SNAP


class Folding(NamedTuple):
    """x = factor·z[root], and the x of each z side by side."""

    root: NDArray[np.uint32]
    """For an x that is always 0, the last z, which is 0."""
    factor: Vector
    share: Vector
    """1/factor: a division takes as long as all else that is done with a bound."""
    stopped: Numbers
    """The x that are always 0."""
    members: Numbers
    starts: Numbers
    """Where in `members` each z begins, and the end."""
    matrix: Sparse
    """The matrix over x, column by column."""


@compiled
def fold(f: Folding, lower: Vector, upper: Vector, low: Vector, high: Vector) -> bool:
    """Write the bounds of z that say what these say of x; return whether they leave anything."""
    wrong = 0
    for x in range(lower.size):
        wrong += not lower[x] <= upper[x]
    for x in f.stopped:
        wrong += (lower[x] > CROSSED) | (upper[x] < -CROSSED)
    count = f.starts.size - 1
    low[:count].fill(-np.inf)
    high[:count].fill(np.inf)
    for x in f.members:
        z, one, other = f.root[x], lower[x] * f.share[x], upper[x] * f.share[x]
        low[z], high[z] = max(low[z], min(one, other)), min(high[z], max(one, other))
    for z in range(count):
        wrong += low[z] - high[z] > CROSSED
        if low[z] > high[z]:
            low[z] = high[z] = (low[z] + high[z]) / 2
    return wrong == 0


@compiled
def fold_one(f: Folding, lower: Vector, upper: Vector, low: Vector, high: Vector, z: int) -> bool:
    """Write the bounds of this z; return whether they leave anything."""
    least, most = -np.inf, np.inf
    for x in f.members[f.starts[z] : f.starts[z + 1]]:
        one, other = lower[x] * f.share[x], upper[x] * f.share[x]
        least, most = max(least, min(one, other)), min(most, max(one, other))
    crossed = least - most > CROSSED
    if least > most:
        least = most = (least + most) / 2
    low[z], high[z] = least, most
    return not crossed


@compiled
def fold_cost(f: Folding, cost: Vector, out: Vector) -> None:
    """Write the costs of z that are those of x."""
    out.fill(0.0)
    for x in range(cost.size):
        if cost[x] != 0.0:
            out[f.root[x]] += cost[x] * f.factor[x]
    out[-1] = 0.0


@compiled
def expand(f: Folding, z: Vector, lower: Vector, upper: Vector, x: Vector) -> None:
    """Write x, at its bound where only rounding keeps it from there."""
    for i in range(x.size):
        value, low, high = z[f.root[i]] * f.factor[i], lower[i], upper[i]
        value = low if (abs(value - low) <= SNAP * max(1.0, abs(low))) & (low > -np.inf) else value
        x[i] = high if (abs(value - high) <= SNAP * max(1.0, abs(high))) & (high < np.inf) else value
