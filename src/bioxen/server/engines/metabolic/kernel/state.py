"""Where a request stands: T_k = T − Σ u_t·v_tᵀ, one correction for each pivot, and the values there.

A pivot at row p, column q with α = T[p, q] swaps their variables; with u = T[:, q] − e_p and
v = (T[p, :] + e_q)/α the whole exchange is the one correction T − u·vᵀ. Reading a row or a column of T_k
costs one pass for each pivot so far; the rest of T_k is never made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.tableau import Flags, Numbers, Table, Tableau
from bioxen.server.engines.metabolic.network import Vector

MAX_PIVOTS = 600
"""More pivots than this from the base optimum are the sparse solver's business."""
FEASIBLE = 1e-9
"""Bounds may be missed by this much, and reduced costs on the way; HiGHS is given the same."""
STEEP = 1e-11
"""What reduced costs may be missed by in the end: times a bound of 1000 it still is no gap."""
PIVOT = 1e-9
"""A smaller entry of T is taken for 0 when a pivot is looked for."""
SOUND = 1e-7
"""An entry of T from here on makes a pivot that loses few digits."""
ROUNDED = 1e-12
"""An entry of T_k this small is what is left of a difference that is 0."""
DIGITS = 1e-13
"""What rounding leaves of a flux, as a share; more than FEASIBLE where bounds are above 10,000."""
COARSE = 0.1
"""A larger residual |A·z|, as a share of what bounds may be missed by, is worth iterative refinement."""

OPTIMAL, INFEASIBLE, UNBOUNDED, PIVOTS, NUMERIC = 0, 1, 2, 3, 4
WORDS = ("optimal", "infeasible", "unbounded", "pivot limit", "numeric")


class State(NamedTuple):
    """Numbers of one run; by row of T (basic), by column of T (nonbasic), and by pivot."""

    basic: Numbers
    x_basic: Vector
    low_basic: Vector
    high_basic: Vector
    row_weights: Vector
    nonbasic: Numbers
    x: Vector
    low: Vector
    high: Vector
    slopes: Vector
    """Reduced costs of the nonbasic variables."""
    column_weights: Vector
    u: Table
    v: Table
    pivot_rows: Numbers
    pivot_values: Vector
    row: Vector
    """The row of T_k read last."""
    column: Vector
    """The column of T_k read last."""
    shift: Vector
    """Work space by row."""
    candidates: Numbers
    """Work space by column."""
    flipped: Flags
    """Work space by column."""
    all_slopes: Vector
    """Reduced costs of every variable, from A itself."""
    prices: Vector
    """Duals of the rows of A."""
    activity: Vector
    """A·z."""
    feasible: Vector
    """One number: by how much a bound may be missed, which is what rounding leaves of the largest flux."""
    steep: Vector
    """One number: by how much a reduced cost may be missed, which is what rounding leaves of it."""
    k: Numbers
    """One number: how many pivots were made."""


def allocate(tableau: Tableau, pivots: int = MAX_PIVOTS + 1) -> State:
    """Return room for runs on `tableau`."""
    rows, columns = tableau.by_row.shape
    return State(
        basic=np.zeros(rows, np.int64),
        x_basic=np.zeros(rows),
        low_basic=np.zeros(rows),
        high_basic=np.zeros(rows),
        row_weights=np.zeros(rows),
        nonbasic=np.zeros(columns, np.int64),
        x=np.zeros(columns),
        low=np.zeros(columns),
        high=np.zeros(columns),
        slopes=np.zeros(columns),
        column_weights=np.zeros(columns),
        u=np.zeros((pivots, rows)),
        v=np.zeros((pivots, columns)),
        pivot_rows=np.zeros(pivots, np.int64),
        pivot_values=np.zeros(pivots),
        row=np.zeros(columns),
        column=np.zeros(rows),
        shift=np.zeros(rows),
        candidates=np.zeros(columns, np.int64),
        flipped=np.zeros(columns, np.bool_),
        all_slopes=np.zeros(len(tableau.cost)),
        prices=np.zeros(len(tableau.prices)),
        activity=np.zeros(len(tableau.prices)),
        feasible=np.full(1, FEASIBLE),
        steep=np.full(1, STEEP),
        k=np.zeros(1, np.int64),
    )


@compiled
def dot(a: Vector, b: Vector) -> float:
    """Return a·b, summed in four strands whose order is fixed: one strand would wait for each addition."""
    one, two, three, four = 0.0, 0.0, 0.0, 0.0
    whole = a.size - a.size % 4
    for i in range(0, whole, 4):
        one += a[i] * b[i]
        two += a[i + 1] * b[i + 1]
        three += a[i + 2] * b[i + 2]
        four += a[i + 3] * b[i + 3]
    for i in range(whole, a.size):
        one += a[i] * b[i]
    return (one + two) + (three + four)


@compiled
def _round(entries: Vector) -> None:
    for j in range(entries.size):
        if abs(entries[j]) < ROUNDED:
            entries[j] = 0.0


@compiled
def read_row(t: Tableau, s: State, p: int) -> None:
    """Put row p of T_k into `s.row`."""
    out = s.row
    out[:] = t.by_row[p]
    for i in range(s.k[0]):
        factor = s.u[i, p]
        if factor != 0.0:
            v = s.v[i]
            for j in range(out.size):
                out[j] -= factor * v[j]
    _round(out)


@compiled
def read_column(t: Tableau, s: State, q: int) -> None:
    """Put column q of T_k into `s.column`."""
    out = s.column
    out[:] = t.by_column[q]
    for i in range(s.k[0]):
        factor = s.v[i, q]
        if factor != 0.0:
            u = s.u[i]
            for j in range(out.size):
                out[j] -= factor * u[j]
    _round(out)


@compiled
def exchange(s: State, p: int, q: int) -> None:
    """Swap the variables of row p and column q, whose entries of T_k were read; values follow elsewhere."""
    k, alpha = s.k[0], s.column[p]
    u, v = s.u[k], s.v[k]
    u[:] = s.column
    u[p] -= 1.0
    for j in range(v.size):
        v[j] = s.row[j] / alpha
    v[q] = (alpha + 1.0) / alpha
    s.pivot_rows[k], s.pivot_values[k] = p, alpha
    s.k[0] = k + 1
    slope = s.slopes[q]
    if slope != 0.0:
        for j in range(v.size):
            s.slopes[j] -= slope * v[j]
        s.slopes[q] = -slope / alpha
    _reweigh(s, p, q, alpha)
    s.basic[p], s.nonbasic[q] = s.nonbasic[q], s.basic[p]
    s.low_basic[p], s.low[q] = s.low[q], s.low_basic[p]
    s.high_basic[p], s.high[q] = s.high[q], s.high_basic[p]


@compiled
def _reweigh(s: State, p: int, q: int, alpha: float) -> None:
    """Update the reference weights of rows and columns (Devex)."""
    of_row, of_column = s.row_weights[p] / alpha**2, s.column_weights[q] / alpha**2
    for i in range(s.row_weights.size):
        if s.column[i] != 0.0:
            s.row_weights[i] = max(s.row_weights[i], s.column[i] ** 2 * of_row)
    for j in range(s.column_weights.size):
        if s.row[j] != 0.0:
            s.column_weights[j] = max(s.column_weights[j], s.row[j] ** 2 * of_column)
    s.row_weights[p], s.column_weights[q] = max(of_row, 1.0), max(of_column, 1.0)


@compiled
def place(t: Tableau, s: State, lower: Vector, upper: Vector) -> None:
    """Go to the canonical basis, each nonbasic variable at the bound where its reduced cost wants it.

    Where that bound is missing the reduced cost counts as 0 for now: the basis is then optimal for nearby
    costs, which is all the dual simplex needs.
    """
    s.k[0] = 0
    count = lower.size
    s.row_weights[:], s.column_weights[:] = t.row_weights, t.column_weights
    for i in range(t.basic.size):
        one = t.basic[i]
        s.basic[i] = one
        s.low_basic[i] = lower[one] if one < count else 0.0
        s.high_basic[i] = upper[one] if one < count else 0.0
    for j in range(t.nonbasic.size):
        one = t.nonbasic[j]
        s.nonbasic[j], s.low[j], s.high[j] = one, lower[one], upper[one]
        s.slopes[j] = t.slopes[one]
        up = t.at_upper[j] if abs(s.slopes[j]) <= FEASIBLE else s.slopes[j] < 0.0
        settle(s, j, up)


@compiled
def settle(s: State, j: int, up: bool) -> None:
    """Put nonbasic variable j at the bound wanted, else at its other one, else at 0."""
    low, high = s.low[j], s.high[j]
    if up and high < np.inf:
        s.x[j] = high
    elif not up and low > -np.inf:
        s.x[j] = low
    else:
        s.x[j] = low if low > -np.inf else (high if high < np.inf else 0.0)
        s.slopes[j] = 0.0


@compiled
def recompute_x(t: Tableau, s: State) -> None:
    """Compute the basic variables from the nonbasic ones: x_B = −T_k·x_N."""
    out = s.x_basic
    out[:] = 0.0
    for j in range(s.x.size):
        if s.x[j] != 0.0:
            x, column = s.x[j], t.by_column[j]
            for i in range(out.size):
                out[i] -= x * column[i]
    for k in range(s.k[0]):
        u, factor = s.u[k], dot(s.v[k], s.x)
        for i in range(out.size):
            out[i] += factor * u[i]
    largest = _largest(s)
    s.feasible[0] = max(FEASIBLE, DIGITS * largest)
    if _residual(t, s) > COARSE * s.feasible[0]:
        _refine(t, s)


@compiled
def _largest(s: State) -> float:
    largest = 0.0
    for j in range(s.x.size):
        largest = max(largest, abs(s.x[j]))
    for i in range(s.x_basic.size):
        largest = max(largest, abs(s.x_basic[i]))
    return largest


@compiled
def _residual(t: Tableau, s: State) -> float:
    """Write A·z into `s.activity`; return its largest size."""
    s.activity[:] = 0.0
    for i in range(s.basic.size):
        _add_column(t, s, s.basic[i], s.x_basic[i])
    for j in range(s.nonbasic.size):
        _add_column(t, s, s.nonbasic[j], s.x[j])
    worst = 0.0
    for r in range(s.activity.size):
        worst = max(worst, abs(s.activity[r]))
    return worst


@compiled
def _add_column(t: Tableau, s: State, column: int, x: float) -> None:
    if x != 0.0 and column < t.cost.size:
        for e in range(t.matrix.starts[column], t.matrix.starts[column + 1]):
            s.activity[t.matrix.rows[e]] += t.matrix.values[e] * x


@compiled
def _refine(t: Tableau, s: State) -> None:
    """Take B_k⁻¹·(A·z) off the basic variables: the rounding errors of T do not outlive this."""
    w = s.shift
    for i in range(w.size):
        w[i] = dot(t.inverse[i], s.activity)
    for k in range(s.k[0]):
        u, factor = s.u[k], w[s.pivot_rows[k]] / s.pivot_values[k]
        if factor != 0.0:
            for i in range(w.size):
                w[i] -= factor * u[i]
    for i in range(w.size):
        s.x_basic[i] -= w[i]


@compiled
def recompute_slopes(t: Tableau, s: State, cost: Vector) -> None:
    """Compute the duals for `cost` and from them, through A itself, every reduced cost.

    c_B·B_k⁻¹ is c_B pulled back through the pivots, then one combination of the rows of B⁻¹; only entries
    that differ from the base costs' take part.
    """
    w, count = s.shift, cost.size
    for i in range(w.size):
        w[i] = cost[s.basic[i]] if s.basic[i] < count else 0.0
    _pull_back(s, w)
    y = s.prices
    y[:] = t.prices
    for i in range(w.size):
        factor = w[i] - (t.cost[t.basic[i]] if t.basic[i] < count else 0.0)
        if factor != 0.0:
            row = t.inverse[i]
            for r in range(y.size):
                y[r] += factor * row[r]
    _slopes_of_prices(t, s, cost)
    error = _error_of_slopes(s)
    if error > 0.1 * STEEP:
        refine_slopes(t, s, cost)
        error = _error_of_slopes(s)
    s.steep[0] = max(STEEP, 4.0 * error)


@compiled
def _error_of_slopes(s: State) -> float:
    """Return the largest reduced cost of a basic variable, all of which are 0 but for rounding."""
    error = 0.0
    for i in range(s.basic.size):
        if s.basic[i] < s.all_slopes.size:
            error = max(error, abs(s.all_slopes[s.basic[i]]))
    return error


@compiled
def refine_slopes(t: Tableau, s: State, cost: Vector) -> None:
    """Take off the duals what keeps the reduced costs of basic variables from 0."""
    w, count = s.shift, cost.size
    for i in range(w.size):
        w[i] = s.all_slopes[s.basic[i]] if s.basic[i] < count else 0.0
    _pull_back(s, w)
    for i in range(w.size):
        if w[i] != 0.0:
            row, factor = t.inverse[i], w[i]
            for r in range(row.size):
                s.prices[r] += factor * row[r]
    _slopes_of_prices(t, s, cost)


@compiled
def _pull_back(s: State, w: Vector) -> None:
    """Turn w, by row of T_k, into what gives with B⁻¹ what w gives with B_k⁻¹."""
    for k in range(s.k[0] - 1, -1, -1):
        w[s.pivot_rows[k]] -= dot(w, s.u[k]) / s.pivot_values[k]


@compiled
def _slopes_of_prices(t: Tableau, s: State, cost: Vector) -> None:
    a, y, count = t.matrix, s.prices, cost.size
    for j in range(count):
        slope = cost[j]
        for e in range(a.starts[j], a.starts[j + 1]):
            slope -= a.values[e] * y[a.rows[e]]
        s.all_slopes[j] = slope
    for j in range(s.slopes.size):
        s.slopes[j] = s.all_slopes[s.nonbasic[j]] if s.nonbasic[j] < count else 0.0
