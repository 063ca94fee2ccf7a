"""The canonical tableau: B⁻¹ and T = B⁻¹N of the one basis that every request starts from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from bioxen.server.engines.metabolic.network import Vector

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Table = NDArray[np.float64]

BASIC, AT_LOWER, AT_UPPER = 1, 0, 2
"""Status of a variable, as HiGHS numbers them."""
NOISE = 1e-12
"""An entry of T this small is the rounding error of a zero."""
MAX_ENTRIES = 8_000_000
"""Largest T, in entries (64 MB, twice): beyond it the sparse solver wins; see the decision record."""


class Sparse(NamedTuple):
    """A sparse matrix, line by line: either its columns or its rows."""

    starts: NDArray[np.uint32]
    """Where each line begins, and the end. Unsigned: numba asks other numbers if they are negative."""
    places: NDArray[np.uint32]
    values: Vector


class Tableau(NamedTuple):
    """One basis of A·z = 0 and all that follows from it; nobody changes it.

    Row i belongs to the basic variable `basic[i]`: z_basic[i] = −Σ_j T[i, j]·z_nonbasic[j]. A number from
    the count of columns on stands for the slack of a row, which is always 0.
    """

    by_row: Table
    """T."""
    by_column: Table
    """Tᵀ, so that a column of T is contiguous."""
    inverse: Table
    """B⁻¹."""
    basic: Numbers
    nonbasic: Numbers
    at_upper: Flags
    """Which nonbasic variables the base optimum has at their upper bounds."""
    cost: Vector
    """Base costs of all columns."""
    slopes: Vector
    """Reduced costs of all columns at the base costs."""
    prices: Vector
    """Duals of the rows at the base costs."""
    row_weights: Vector
    column_weights: Vector
    matrix: Sparse
    """A, row by row."""


def columns_of(matrix: sparse.csc_array) -> Sparse:
    """Return the columns of A as plain arrays of their own, writable like all the kernel's."""
    return _lines_of(sparse.csc_array(matrix))


def rows_of(matrix: sparse.csc_array) -> Sparse:
    """Return the rows of A, likewise."""
    return _lines_of(sparse.csr_array(matrix))


def _lines_of(matrix: sparse.csc_array | sparse.csr_array) -> Sparse:
    return Sparse(matrix.indptr.astype(np.uint32), matrix.indices.astype(np.uint32), matrix.data.copy())


def build_tableau(
    matrix: sparse.csc_array, cost: Vector, columns: NDArray[np.int8], rows: NDArray[np.int8]
) -> Tableau | None:
    """Return the tableau of the basis that gives these statuses; `None` where it would be too large.

    SuperLU and sparse products are serial, so the same basis gives the same bits on one kind of CPU.
    """
    count = matrix.shape[1]
    basic, slack = np.flatnonzero(columns == BASIC), np.flatnonzero(rows == BASIC)
    nonbasic = np.flatnonzero(columns != BASIC)
    if len(basic) + len(slack) != matrix.shape[0]:
        return None
    if not len(basic) or not len(nonbasic) or matrix.shape[0] * len(nonbasic) > MAX_ENTRIES:
        return None
    unit = sparse.csc_array(sparse.identity(matrix.shape[0], format="csc"))[:, slack]
    try:
        factors: Any = splu(sparse.csc_matrix(sparse.hstack([matrix[:, basic], unit])))
    except RuntimeError:  # singular
        return None
    inverse = factors.solve(np.identity(matrix.shape[0]))
    table = factors.solve(matrix[:, nonbasic].toarray())
    table[np.abs(table) < NOISE] = 0.0
    inverse[np.abs(inverse) < NOISE] = 0.0
    heads = np.concatenate([basic, count + slack])
    # The slack of a row that follows from the others can never move: its row of T is empty.
    kept = (heads < count) | table.any(axis=1)
    table, inverse, heads = table[kept], inverse[kept], heads[kept]
    prices = np.append(cost, np.zeros(matrix.shape[0]))[heads] @ inverse
    return Tableau(
        by_row=np.ascontiguousarray(table),
        by_column=np.ascontiguousarray(table.T),
        inverse=np.ascontiguousarray(inverse),
        basic=heads.astype(np.int64),
        nonbasic=nonbasic.astype(np.int64),
        at_upper=columns[nonbasic] == AT_UPPER,
        cost=np.ascontiguousarray(cost),
        slopes=cost - matrix.T @ prices,
        prices=prices,
        row_weights=1.0 + (table**2).sum(axis=1),
        column_weights=1.0 + (table**2).sum(axis=0),
        matrix=rows_of(matrix),
    )
