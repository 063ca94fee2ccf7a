"""The certificate of a vertex: computed from A, x and the duals, never from what the pivots left behind."""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.folding import Folding, expand
from bioxen.server.engines.metabolic.kernel.values import dot, largest
from bioxen.server.engines.metabolic.network import Vector

Proof = tuple[float, float, float, float, float]
"""cost·x, max |A·x|, the worst excess over a bound, the duality gap and max |x|."""
OPEN = 1e-8
"""The largest reduced cost that may point to where no bound is."""


@compiled
def prove(
    f: Folding,
    z: Vector,
    slopes: Vector,
    reduced: tuple[Vector, Vector],
    full: tuple[Vector, Vector, Vector],
    x: Vector,
    work: tuple[Vector, Vector],
) -> Proof:
    """Write x; return its certificate."""
    lower, upper, cost = full
    activity, excess = work
    expand(f, z, lower, upper, x)
    for i in range(x.size):
        excess[i] = max(lower[i] - x[i], x[i] - upper[i], 0.0)
    value = dot(cost, x)
    gap = gap_between(value, z, slopes, reduced)
    return value, _residual(f, x, activity), largest(excess), gap, largest(x)


@compiled
def _residual(f: Folding, x: Vector, activity: Vector) -> float:
    activity.fill(0.0)
    a = f.matrix
    for j in range(x.size):
        if x[j] != 0.0:
            for e in range(a.starts[j], a.starts[j + 1]):
                activity[a.places[e]] += a.values[e] * x[j]
    return largest(activity)


@compiled
def gap_between(value: float, z: Vector, slopes: Vector, reduced: tuple[Vector, Vector]) -> float:
    """Return |primal − dual objective|; infinite where a reduced cost points to where no bound is."""
    low, high = reduced
    dual, wrong = 0.0, 0
    for j in range(low.size):
        slope = slopes[j]
        pressed = low[j] if slope > 0.0 else high[j]
        missing = abs(pressed) == np.inf
        wrong += missing & (abs(slope) > OPEN)
        dual += slope * (z[j] if missing else pressed)
    return np.inf if wrong else abs(value - dual)
