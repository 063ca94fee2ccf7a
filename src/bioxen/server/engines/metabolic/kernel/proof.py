"""The certificate of a vertex: computed from A, x and the duals, never from what the pivots left behind."""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.folding import Folding, expand
from bioxen.server.engines.metabolic.kernel.state import State
from bioxen.server.engines.metabolic.network import Vector

OPEN = 1e-8
"""The largest reduced cost that may point to where no bound is."""


@compiled
def scatter(s: State, z: Vector) -> None:
    """Write the variables in the order of the columns of A."""
    for i in range(s.basic.size):
        if s.basic[i] < z.size:
            z[s.basic[i]] = s.x_basic[i]
    for j in range(s.nonbasic.size):
        if s.nonbasic[j] < z.size:
            z[s.nonbasic[j]] = s.x[j]


@compiled
def prove(
    f: Folding,
    z: Vector,
    slopes: Vector,
    reduced: tuple[Vector, Vector],
    full: tuple[Vector, Vector, Vector],
    x: Vector,
    activity: Vector,
) -> tuple[float, float, float, float, float]:
    """Write x; return cost·x, max |A·x|, the worst excess over a bound, the duality gap and max |x|."""
    lower, upper, cost = full
    expand(f, z, lower, upper, x)
    value, excess, largest = 0.0, 0.0, 0.0
    for i in range(x.size):
        value += cost[i] * x[i]
        excess = max(excess, lower[i] - x[i], x[i] - upper[i])
        largest = max(largest, abs(x[i]))
    return value, _residual(f, x, activity), excess, _gap(value, z, slopes, reduced), largest


@compiled
def _residual(f: Folding, x: Vector, activity: Vector) -> float:
    activity[:] = 0.0
    a = f.matrix
    for j in range(x.size):
        if x[j] != 0.0:
            for e in range(a.starts[j], a.starts[j + 1]):
                activity[a.rows[e]] += a.values[e] * x[j]
    worst = 0.0
    for i in range(activity.size):
        worst = max(worst, abs(activity[i]))
    return worst


@compiled
def _gap(value: float, z: Vector, slopes: Vector, reduced: tuple[Vector, Vector]) -> float:
    """Return |primal − dual objective|; infinite where a reduced cost points to where no bound is."""
    low, high = reduced
    dual = 0.0
    for j in range(z.size):
        slope = slopes[j]
        pressed = low[j] if slope > 0.0 else high[j]
        if np.isinf(pressed):
            if abs(slope) > OPEN:
                return np.inf
            pressed = z[j]
        dual += slope * pressed
    return abs(value - dual)
