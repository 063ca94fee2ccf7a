"""A·x = 0 with fewer rows and columns, whatever the bounds: x = E·z with A·E·z = 0.

A metabolite that one reaction touches stops it: a row with one entry makes its column 0. One that two
reactions touch couples them: a row with two entries makes one column a multiple of the other. Both follow
from A alone, so the work is done once, and each solve only folds its bounds and costs into those of z.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bioxen.server.engines.metabolic.network import Vector

Indices = NDArray[np.int64]

CANCELLED = 1e-13
"""An entry this small beside the terms it is the sum of is their rounding error."""
CROSSED = 1e-9
"""Merged bounds that cross by no more than the solver's tolerance are one value."""
SNAP = 1e-12
"""Rounding of the expansion: a flux this near to its bound is at it."""


@dataclass(frozen=True, eq=False)
class Reduction:
    """What A·x = 0 says before any bound is known: x = factor·z[root], and 0 where it has no root."""

    matrix: sparse.csc_array
    """A·E without its empty rows."""
    root: Indices
    """For each x the number of its z; −1 where x is always 0."""
    factor: Vector

    @cached_property
    def members(self) -> Indices:
        """The x that have a root, those of the same z side by side."""
        order = np.argsort(self.root, kind="stable")
        return order[np.searchsorted(self.root[order], 0) :]

    @cached_property
    def starts(self) -> Indices:
        """Where in `members` each z begins."""
        return np.searchsorted(self.root[self.members], np.arange(self.matrix.shape[1]))

    def fold_bounds(self, lower: Vector, upper: Vector) -> tuple[Vector, Vector] | None:
        """Return the bounds of z that say what these say of x; `None` where they leave nothing."""
        stopped = self.root < 0
        if np.any(lower[stopped] > CROSSED) or np.any(upper[stopped] < -CROSSED):
            return None
        factor = self.factor[self.members]
        low, high = lower[self.members] / factor, upper[self.members] / factor
        turned = factor < 0
        low[turned], high[turned] = high[turned], low[turned].copy()
        least, most = np.maximum.reduceat(low, self.starts), np.minimum.reduceat(high, self.starts)
        crossed = least > most
        if crossed.any():
            if np.any(least[crossed] - most[crossed] > CROSSED):
                return None
            least[crossed] = most[crossed] = (least[crossed] + most[crossed]) / 2
        return least, most

    def fold_cost(self, cost: Vector) -> Vector:
        """Return the costs of z that are those of x."""
        terms = cost[self.members] * self.factor[self.members]
        return np.asarray(np.add.reduceat(terms, self.starts))

    def expand(self, z: Vector, lower: Vector, upper: Vector) -> Vector:
        """Return x, at its bound where only rounding keeps it from there."""
        x: Vector = self.factor * np.append(z, 0.0)[self.root]  # −1, no root, is that last 0
        for bound in (lower, upper):
            near = np.isfinite(bound) & ~(np.abs(x - bound) > SNAP * np.maximum(1.0, np.abs(bound)))
            x[near] = bound[near]
        return x


def split(reduction: Reduction) -> Reduction:
    """Return the reduction over forward and backward parts, x = x⁺ − x⁻, of A, which is over [x⁺, x⁻].

    What is coupled with a positive factor goes forward together, with a negative one it goes against: no
    flux is lost that way, as only one part of each is needed.
    """
    count, root, factor = reduction.matrix.shape[1], reduction.root, reduction.factor
    turned = factor < 0
    forward = np.where(root < 0, -1, root + count * turned)
    backward = np.where(root < 0, -1, root + count * ~turned)
    matrix = sparse.csc_array(sparse.hstack([reduction.matrix, -reduction.matrix], format="csc"))
    return Reduction(matrix, np.concatenate([forward, backward]), np.abs(np.tile(factor, 2)))


def reduce(matrix: sparse.csc_array) -> Reduction:
    """Return what follows from A·x = 0 alone."""
    root, factor = np.arange(matrix.shape[1]), np.ones(matrix.shape[1])
    while True:
        expansion = _expansion(root, factor)
        reduced = _product(matrix, expansion)
        if not _merge(reduced, root, factor):
            return Reduction(sparse.csc_array(reduced), root, factor)
        root[root >= 0] = np.unique(root[root >= 0], return_inverse=True)[1]


def _expansion(root: Indices, factor: Vector) -> sparse.csr_array:
    alive = np.flatnonzero(root >= 0)
    shape = (len(root), int(root.max(initial=-1)) + 1)
    return sparse.csr_array((factor[alive], (alive, root[alive])), shape=shape)


def _product(matrix: sparse.csc_array, expansion: sparse.csr_array) -> sparse.csr_array:
    """Return A·E without what only rounding keeps from being 0, and without empty rows."""
    product = matrix @ expansion
    size = abs(matrix) @ abs(expansion)
    product = sparse.csr_array(product.multiply(abs(product) > CANCELLED * size))
    product.eliminate_zeros()
    return sparse.csr_array(product[np.flatnonzero(np.diff(product.indptr) > 0)])


def _merge(reduced: sparse.csr_array, root: Indices, factor: Vector) -> bool:
    """Apply the rows of one and two entries whose columns no other row has changed in this pass."""
    touched: set[int] = set()
    for row in np.flatnonzero(np.diff(reduced.indptr) <= 2):
        entries = slice(reduced.indptr[row], reduced.indptr[row + 1])
        columns, values = reduced.indices[entries].tolist(), reduced.data[entries].tolist()
        if touched.intersection(columns):
            continue
        touched.update(columns)
        if len(columns) == 1:
            root[root == columns[0]] = -1
            continue
        # The larger coefficient's column goes, so factors stay at most 1.
        keep, go = (0, 1) if abs(values[0]) <= abs(values[1]) else (1, 0)
        members = root == columns[go]
        factor[members] *= -values[keep] / values[go]
        root[members] = columns[keep]
    return bool(touched)
