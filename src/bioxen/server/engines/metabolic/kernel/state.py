"""Where a request stands: T_k = T − Σ u_t·v_tᵀ, one correction for each pivot, and the values there.

Positions number the rows of T first (basic variables), then its columns (nonbasic ones). A pivot at row p,
column q with α = T[p, q] swaps their variables; with u = T[:, q] − e_p and v = (T[p, :] + e_q)/α the whole
exchange is the one correction T − u·vᵀ. Reading a row or a column of T_k costs one pass for each pivot so
far; the rest of T_k is never made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.tableau import Numbers, Table, Tableau
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
    """Write `source` into the first of `target`; numba's own slices bring much code for what never happens."""
    for i in range(source.size):
        target[i] = source[i]


@compiled
def read_row(t: Tableau, s: State, p: int) -> None:
    """Put the row of T_k at position p into `s.entries`."""
    _read(s, t.by_row[p], p, s.rows, s.head.size)


@compiled
def read_column(t: Tableau, s: State, q: int) -> None:
    """Put the column of T_k at position q into `s.entries`."""
    _read(s, t.by_column[q - s.rows], q, 0, s.rows)


@compiled
def _read(s: State, first: Vector, at: int, begin: int, end: int) -> None:
    """Correct the line `first` of T, at position `at`, into the positions from `begin` to `end`."""
    out = s.entries[begin:end]
    copy(first, out)
    for i in range(s.k[0]):
        factor = s.corrections[i, at]
        if factor != 0.0:
            correction = s.corrections[i, begin:end]
            for j in range(out.size):
                out[j] -= factor * correction[j]
    for j in range(out.size):
        out[j] = 0.0 if abs(out[j]) < ROUNDED else out[j]


@compiled
def exchange(s: State, p: int, q: int) -> None:
    """Swap the variables at row p and column q, whose entries of T_k were read; values follow elsewhere."""
    k, alpha = s.k[0], s.entries[p]
    correction, entries, share = s.corrections[k], s.entries, 1.0 / alpha
    copy(entries[: s.rows], correction)
    correction[p] -= 1.0
    for j in range(s.rows, entries.size):
        correction[j] = entries[j] * share
    correction[q] = (alpha + 1.0) / alpha
    s.pivot_rows[k], s.pivot_values[k] = p, alpha
    s.k[0] = k + 1
    slope = s.slopes[q]
    if slope != 0.0:
        for j in range(s.rows, entries.size):
            s.slopes[j] -= slope * correction[j]
        s.slopes[q] = -slope / alpha
    _reweigh(s, p, q, alpha)
    s.head[p], s.head[q] = s.head[q], s.head[p]
    s.low[p], s.low[q] = s.low[q], s.low[p]
    s.high[p], s.high[q] = s.high[q], s.high[p]


@compiled
def _reweigh(s: State, p: int, q: int, alpha: float) -> None:
    """Update the reference weights of rows and columns."""
    of_row, of_column = s.weights[p] / alpha**2, s.weights[q] / alpha**2
    _raise(s.weights[: s.rows], s.entries[: s.rows], of_row)
    _raise(s.weights[s.rows :], s.entries[s.rows :], of_column)
    s.weights[p], s.weights[q] = max(of_row, 1.0), max(of_column, 1.0)


@compiled
def _raise(weights: Vector, entries: Vector, share: float) -> None:
    for i in range(weights.size):
        weights[i] = max(weights[i], entries[i] * entries[i] * share)


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
