"""Which fluxes a set of bounds leaves open: the affine hull of {x: A·x = 0, lower ≤ x ≤ upper}.

Columns that stand at one bound throughout are found by linear programs: each asks all columns that no point
has yet moved to move at once, so a few programs prove what one per column would. The others have a common
interior point, and there A alone decides: x is determined where the null space of A's open columns has no
part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.reduction import reduce
from bioxen.server.engines.metabolic.rows import Mask
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum, Outcome

Indices = NDArray[np.int64]
Matrix = NDArray[np.float64]

MOVED = 1e-7
"""A column counts as moved from its bound where it is further from it than this."""
REACH = 1.0
"""How far a column is asked to move; a short way lets many move in one program."""
BOX = 1e4
"""Columns without a bound are searched this far around the first point."""
RANK = 1e-10
"""Relative size of a pivot below which a row adds nothing to the rank."""
STILL = 1e-9
"""A column takes part in the null space where its row there is longer than this."""


class Solver(Protocol):
    """A warm program that solves for any bounds."""

    def solve(self, lower: Vector, upper: Vector, cost: Vector) -> Outcome:
        """Return the least cost·x, or why there is none."""
        ...


@dataclass(frozen=True, eq=False)
class Hull:
    """The affine hull of a set of fluxes: inside + basis·z on the open columns."""

    inside: Vector
    """A point in the relative interior."""
    open: Indices
    """The columns that stand at no bound throughout."""
    basis: Matrix
    """Orthonormal directions, a row for each open column."""
    varies: Mask
    """Whether a column has more than one value."""

    @property
    def dimension(self) -> int:
        """Degrees of freedom."""
        return int(self.basis.shape[1])


def find_hull(
    programs: Solver, matrix: sparse.csc_array, bounds: tuple[Vector, Vector], start: Vector
) -> Hull | NoOptimum:
    """Return the hull of the points between `bounds`, one of which is `start`."""
    lower, upper = bounds
    inside = _interior(programs, lower, upper, np.clip(start, lower, upper))
    if isinstance(inside, NoOptimum):
        return inside
    point, closed = inside
    free = np.flatnonzero(~closed)
    basis = null_space(sparse.csc_array(matrix[:, free]))
    varies = np.zeros(len(lower), dtype=bool)
    varies[free] = np.linalg.norm(basis, axis=1) > STILL
    return Hull(point, free, basis, varies)


def _interior(
    programs: Solver, lower: Vector, upper: Vector, start: Vector
) -> tuple[Vector, Mask] | NoOptimum:
    """Return a point in the relative interior, and the columns that stand at a bound throughout."""
    low_box, high_box = np.maximum(lower, start - BOX), np.minimum(upper, start + BOX)
    points = [start]
    low, high = start - lower <= MOVED, upper - start <= MOVED
    fixed = low & high
    for _ in range(2 * len(lower) + 1):
        ask_up, ask_down = low & ~fixed, high & ~fixed
        if not (ask_up.any() or ask_down.any()):
            break
        up_to = np.where(ask_up, np.minimum(high_box, lower + REACH), high_box)
        down_to = np.where(ask_down, np.maximum(low_box, upper - REACH), low_box)
        found = programs.solve(down_to, up_to, ask_down.astype(float) - ask_up.astype(float))
        if not isinstance(found, Optimum):
            return NoOptimum("numeric")  # `start` is such a point
        moved = (ask_up & (found.x - lower > MOVED)) | (ask_down & (upper - found.x > MOVED))
        if not moved.any():
            fixed |= ask_up | ask_down
            break
        points.append(found.x)
        low &= found.x - lower <= MOVED
        high &= upper - found.x <= MOVED
    return np.mean(points, axis=0), fixed


def null_space(matrix: sparse.csc_array) -> Matrix:
    """Return orthonormal directions along which A·x stays 0, a row for each column of A."""
    if matrix.shape[1] == 0:
        return np.zeros((0, 0))
    reduced = reduce(matrix)
    small = _dense_null_space(reduced.matrix.toarray())
    directions = reduced.factor[:, None] * np.vstack([small, np.zeros((1, small.shape[1]))])[reduced.root]
    return np.asarray(np.linalg.qr(directions)[0])


def _dense_null_space(matrix: Matrix) -> Matrix:
    if matrix.shape[0] == 0:
        return np.eye(matrix.shape[1])
    # Pivoted QR: as good as the singular values for telling the rank here, and many times faster.
    directions, triangle, _ = linalg.qr(matrix.T, pivoting=True)
    size = np.abs(np.diag(triangle))
    return np.asarray(directions[:, int(np.sum(size > RANK * size.max(initial=0.0))) :])
