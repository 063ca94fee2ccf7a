"""The values at a basis, computed anew: x from T_k and, where rounding shows, from A; duals always from A."""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.state import FEASIBLE, STEEP, State, add_u, copy
from bioxen.server.engines.metabolic.kernel.tableau import Tableau
from bioxen.server.engines.metabolic.network import Vector

DIGITS = 1e-13
"""What rounding leaves of a flux, as a share; more than FEASIBLE where bounds are above 10,000."""
SIZE = 0x7FFFFFFFFFFFFFFF
"""The bits of a number but for its sign."""


@compiled
def dot(a: Vector, b: Vector) -> float:
    """Return a·b."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@compiled
def largest(a: Vector) -> float:
    """Return the largest size in `a`; NaN where there is one.

    Sizes are compared as bits, whose order is the same, for only whole numbers are compared side by side.
    """
    bits, most = a.view(np.int64), np.int64(0)
    for i in range(bits.size):
        most = max(most, bits[i] & SIZE)
    return float(np.int64(most).view(np.float64))


@compiled
def scatter(s: State) -> None:
    """Write x by variable."""
    for i in range(s.head.size):
        s.z[s.head[i]] = s.x[i]


@compiled
def recompute_x(t: Tableau, s: State, careful: bool) -> None:
    """Compute the basic variables from the nonbasic ones, x_B = −T_k·x_N; refined if `careful`."""
    out, nonbasic = s.x[: s.rows], s.x[s.rows :]
    out.fill(0.0)
    for j in range(nonbasic.size):
        x = nonbasic[j]
        if x != 0.0:
            column = t.by_column[j]
            for i in range(out.size):
                out[i] -= x * column[i]
    for k in range(s.k[0]):
        add_u(s, k, dot(s.corrections[k, s.rows :], nonbasic), out)
    if careful:
        _refine_x(t, s)
    s.near[0] = max(FEASIBLE, DIGITS * largest(s.x))


@compiled
def _refine_x(t: Tableau, s: State) -> None:
    """Take B_k⁻¹·(A·z) off the basic variables: the rounding errors of T do not outlive this."""
    scatter(s)
    for r in range(s.activity.size):
        total = 0.0
        for e in range(t.matrix.starts[r], t.matrix.starts[r + 1]):
            total += t.matrix.values[e] * s.z[t.matrix.places[e]]
        s.activity[r] = total
    w = s.entries[: s.rows]
    for i in range(w.size):
        w[i] = dot(t.inverse[i], s.activity)
    for k in range(s.k[0]):
        factor = w[s.pivot_rows[k]] / s.pivot_values[k]
        if factor != 0.0:
            add_u(s, k, -factor, w)
    for i in range(w.size):
        s.x[i] -= w[i]


@compiled
def recompute_slopes(t: Tableau, s: State, cost: Vector) -> None:
    """Compute the duals for `cost` and from them, through A itself, every reduced cost.

    c_B·B_k⁻¹ is c_B pulled back through the pivots, then one combination of the rows of B⁻¹. Costs that are
    near the base's set out from its duals, for only what differs is work.
    """
    w, count = s.entries[: s.rows], t.cost.size
    for i in range(w.size):
        w[i] = cost[s.head[i]]
    _pull_back(s, w)
    if _is_near_base(t, cost):
        copy(t.prices, s.prices)
        for j in range(count):
            s.all_slopes[j] = t.slopes[j] + (cost[j] - t.cost[j])
        for i in range(w.size):
            if t.basic[i] < count:
                w[i] -= t.cost[t.basic[i]]
    else:
        s.prices.fill(0.0)
        copy(cost[:count], s.all_slopes)
    _add_prices(t, s, w)
    error = _take_slopes(s)
    if error > 0.1 * STEEP:
        refine_slopes(t, s)
        error = _take_slopes(s)
    s.near[1] = max(STEEP, 4.0 * error)


@compiled
def refine_slopes(t: Tableau, s: State) -> None:
    """Take off the duals what keeps the reduced costs of basic variables from 0."""
    w = s.entries[: s.rows]
    for i in range(w.size):
        w[i] = s.all_slopes[s.head[i]]
    _pull_back(s, w)
    _add_prices(t, s, w)


@compiled
def _is_near_base(t: Tableau, cost: Vector) -> bool:
    costs, differences = 0, 0
    for j in range(t.cost.size):
        costs += cost[j] != 0.0
        differences += cost[j] != t.cost[j]
    return differences <= costs


@compiled
def _pull_back(s: State, w: Vector) -> None:
    """Turn w, by row of T_k, into what gives with B⁻¹ what w gives with B_k⁻¹."""
    for k in range(s.k[0] - 1, -1, -1):
        places, lean, total = s.places[k], s.lean[k], 0.0
        for e in range(s.ends[k]):
            total += lean[e] * w[places[e]]
        w[s.pivot_rows[k]] -= total / s.pivot_values[k]


@compiled
def _add_prices(t: Tableau, s: State, w: Vector) -> None:
    """Add w·B⁻¹ to the duals, and take what follows off the reduced costs."""
    a, more = t.matrix, s.activity
    more.fill(0.0)
    for i in range(w.size):
        factor = w[i]
        if factor != 0.0:
            row = t.inverse[i]
            for r in range(more.size):
                more[r] += factor * row[r]
    for r in range(more.size):
        price = more[r]
        if price != 0.0:
            s.prices[r] += price
            for e in range(a.starts[r], a.starts[r + 1]):
                s.all_slopes[a.places[e]] -= price * a.values[e]


@compiled
def _take_slopes(s: State) -> float:
    """Take the reduced costs to their positions; return what rounding leaves of a basic variable's."""
    for i in range(s.head.size):
        s.slopes[i] = s.all_slopes[s.head[i]]
    return largest(s.slopes[: s.rows])
