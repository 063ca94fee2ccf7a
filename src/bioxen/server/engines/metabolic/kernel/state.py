"""Where a request stands: T_k = T − Σ u_t·v_tᵀ, one correction for each pivot, and the values there.

Positions number the rows of T first (basic variables), then its columns (nonbasic ones). A pivot at row p,
column q with α = T[p, q] swaps their variables; with u = T[:, q] − e_p and v = (T[p, :] + e_q)/α the whole
exchange is the one correction T − u·vᵀ. Reading a row or a column of T_k costs one pass for each pivot so
far; the rest of T_k is never made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.tableau import Numbers, Table, Tableau
from bioxen.server.engines.metabolic.network import Vector

Places = NDArray[np.uint32]
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

OPTIMAL, INFEASIBLE, UNBOUNDED, PIVOTS, NUMERIC = 0, 1, 2, 3, 4
WORDS = ("optimal", "infeasible", "unbounded", "pivot limit", "numeric")


class State(NamedTuple):
    """Numbers of one run; by position where nothing else is said."""

    rows: int
    """The first position of a column."""
    head: Numbers
    """The variable there."""
    x: Vector
    low: Vector
    high: Vector
    weights: Vector
    """Reference weights (Devex)."""
    slopes: Vector
    """Reduced costs; those of basic variables are 0 and not looked at."""
    entries: Vector
    """The column of T_k read last, then the row of T_k read last; between readings, work space."""
    candidates: Numbers
    """Work space."""
    corrections: Table
    """u, then v, of each pivot."""
    places: Places
    """The rows where u is not 0, as it mostly is."""
    lean: Table
    """u there."""
    ends: Numbers
    """How many these are."""
    pivot_rows: Numbers
    pivot_values: Vector
    z: Vector
    """x by variable: the columns of A, the slacks of its rows, and a 0."""
    all_slopes: Vector
    """Reduced costs by variable, from A itself."""
    prices: Vector
    """Duals of the rows of A."""
    activity: Vector
    """Work space by row of A."""
    near: Vector
    """By how much a bound, and a reduced cost, may be missed: what rounding leaves of the largest."""
    k: Numbers
    """One number: how many pivots were made."""


def allocate(tableau: Tableau) -> State:
    """Return room for runs on `tableau`."""
    rows, columns = tableau.by_row.shape
    count, variables = rows + columns, len(tableau.cost) + len(tableau.prices) + 1
    return State(
        rows=rows,
        head=np.zeros(count, np.int64),
        x=np.zeros(count),
        low=np.zeros(count),
        high=np.zeros(count),
        weights=np.zeros(count),
        slopes=np.zeros(count),
        entries=np.zeros(count),
        candidates=np.zeros(count, np.int64),
        corrections=np.zeros((MAX_PIVOTS + 1, count)),
        places=np.zeros((MAX_PIVOTS + 1, rows), np.uint32),
        lean=np.zeros((MAX_PIVOTS + 1, rows)),
        ends=np.zeros(MAX_PIVOTS + 1, np.int64),
        pivot_rows=np.zeros(MAX_PIVOTS + 1, np.int64),
        pivot_values=np.zeros(MAX_PIVOTS + 1),
        z=np.zeros(variables),
        all_slopes=np.zeros(variables),
        prices=np.zeros(len(tableau.prices)),
        activity=np.zeros(len(tableau.prices)),
        near=np.zeros(2),
        k=np.zeros(1, np.int64),
    )


@compiled
def copy(source: Vector | Numbers, target: Vector | Numbers) -> None:
    """Write `source` into the first of `target`; numba's slices bring much code for what never happens."""
    for i in range(source.size):
        target[i] = source[i]


@compiled
def read_row(t: Tableau, s: State, p: int) -> None:
    """Put the row of T_k at position p into `s.entries`."""
    out = s.entries[s.rows :]
    copy(t.by_row[p], out)
    for k in range(s.k[0]):
        factor = s.corrections[k, p]
        if factor != 0.0:
            v = s.corrections[k, s.rows :]
            for j in range(out.size):
                out[j] -= factor * v[j]
    _round(out)


@compiled
def read_column(t: Tableau, s: State, q: int) -> None:
    """Put the column of T_k at position q into `s.entries`."""
    out = s.entries[: s.rows]
    copy(t.by_column[q - s.rows], out)
    for k in range(s.k[0]):
        factor = s.corrections[k, q]
        if factor != 0.0:
            add_u(s, k, -factor, out)
    _round(out)


@compiled
def add_u(s: State, k: int, factor: float, out: Vector) -> None:
    """Add u of pivot k, times `factor`."""
    places, lean = s.places[k], s.lean[k]
    for e in range(s.ends[k]):
        out[places[e]] += factor * lean[e]


@compiled
def _round(entries: Vector) -> None:
    for j in range(entries.size):
        entries[j] = 0.0 if abs(entries[j]) < ROUNDED else entries[j]


@compiled
def exchange(s: State, p: int, q: int) -> None:
    """Swap the variables at row p and column q, whose entries of T_k were read; values follow elsewhere."""
    k, alpha, slope = s.k[0], s.entries[p], s.slopes[q]
    of_row, of_column = s.weights[p] / alpha**2, s.weights[q] / alpha**2
    _note_u(s, k, p, of_row)
    _note_v(s, 1.0 / alpha, of_column, slope)
    s.corrections[k, q] = (alpha + 1.0) / alpha
    s.pivot_rows[k], s.pivot_values[k] = p, alpha
    s.k[0] = k + 1
    s.slopes[q] = -slope / alpha
    s.weights[p], s.weights[q] = max(of_row, 1.0), max(of_column, 1.0)
    s.head[p], s.head[q] = s.head[q], s.head[p]
    s.low[p], s.low[q] = s.low[q], s.low[p]
    s.high[p], s.high[q] = s.high[q], s.high[p]


@compiled
def _note_u(s: State, k: int, p: int, share: float) -> None:
    """Keep the column that was read, less 1 at p; update the rows' weights."""
    u, places, lean = s.corrections[k, : s.rows], s.places[k], s.lean[k]
    for i in range(u.size):
        u[i] = s.entries[i]
        s.weights[i] = max(s.weights[i], u[i] * u[i] * share)
    u[p] -= 1.0
    count = 0
    for i in range(u.size):
        places[count], lean[count] = i, u[i]
        count += u[i] != 0.0
    s.ends[k] = count


@compiled
def _note_v(s: State, share: float, of_weight: float, slope: float) -> None:
    """Keep the row that was read, times `share`; update the columns' weights and reduced costs."""
    v, entries = s.corrections[s.k[0], s.rows :], s.entries[s.rows :]
    weights, slopes = s.weights[s.rows :], s.slopes[s.rows :]
    for j in range(v.size):
        v[j] = entries[j] * share
        weights[j] = max(weights[j], entries[j] * entries[j] * of_weight)
        slopes[j] -= slope * v[j]


@compiled
def place(t: Tableau, s: State, lower: Vector, upper: Vector) -> None:
    """Go to the canonical basis, each nonbasic variable at the bound where its reduced cost wants it.

    Where that bound is missing the reduced cost counts as 0 for now: the basis is then optimal for nearby
    costs, which is all the dual simplex needs.
    """
    s.k[0] = 0
    copy(t.basic, s.head)
    copy(t.nonbasic, s.head[s.rows :])
    copy(t.row_weights, s.weights)
    copy(t.column_weights, s.weights[s.rows :])
    for i in range(s.head.size):
        s.low[i], s.high[i] = lower[s.head[i]], upper[s.head[i]]
    for j in range(s.rows, s.head.size):
        slope = t.slopes[s.head[j]]
        s.slopes[j] = slope
        settle(s, j, t.at_upper[j - s.rows] if abs(slope) <= FEASIBLE else slope < 0.0)


@compiled
def settle(s: State, j: int, up: bool) -> None:
    """Put the nonbasic variable at j at the bound wanted, else at its other one, else at 0."""
    low, high = s.low[j], s.high[j]
    if up and high < np.inf:
        s.x[j] = high
    elif not up and low > -np.inf:
        s.x[j] = low
    else:
        s.x[j] = low if low > -np.inf else (high if high < np.inf else 0.0)
        s.slopes[j] = 0.0


@compiled
def positions(s: State, position: Numbers) -> None:
    """Write the position of each variable."""
    for i in range(s.head.size):
        position[s.head[i]] = i
