"""Coordinate hit-and-run on a polytope, many chains side by side.

The polytope is {inside + basis·z} between bounds. A long thin one is walked slowly, so it is rounded first:
the coordinates are scaled by the spread of the vertices, then by that of one trial walk after another. A
sweep moves along every coordinate once, each time to a uniform point of the chord, in an order drawn anew for
each sweep; the chains share that order and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.metabolic.hull import Matrix
from bioxen.server.engines.metabolic.network import Vector

ROUNDS = 4
"""Trial walks that the rounding learns from."""
DRAWS_PER_DIMENSION = 5
"""States a trial walk collects for each dimension, so that their covariance has full rank."""
MIN_SWEEPS = 150
FLOOR = 1e-12
"""Least variance of a coordinate, relative to the largest."""
NEGLIGIBLE = 1e-12
"""An entry of a direction below this, relative to its largest, moves nothing."""
TOWARDS_EDGE = 0.9
"""How far from the interior point towards the vertices chains start."""
TOUCHED = 1e-6
"""A bound that no vertex comes nearer than this never limits a step."""


@dataclass(frozen=True, eq=False)
class Polytope:
    """inside + basis·z, each entry between its bounds; the columns of the basis are orthonormal."""

    inside: Vector
    basis: Matrix
    lower: Vector
    upper: Vector

    @property
    def dimension(self) -> int:
        """Degrees of freedom."""
        return int(self.basis.shape[1])

    def limiting(self, vertices: Matrix) -> Polytope:
        """Return the same set with only the entries whose bounds limit it.

        Args:
            vertices: points among which are the least and the greatest of every entry.
        """
        low = vertices.min(axis=1) <= self.lower + TOUCHED
        high = vertices.max(axis=1) >= self.upper - TOUCHED
        kept = low | high
        return Polytope(self.inside[kept], self.basis[kept], self.lower[kept], self.upper[kept])


class Walk:
    """Chains on one polytope; a state is a column.

    Args:
        polytope: the set.
        vertices: points of it, a column each, among which are the least and the greatest of every entry.
        chains: how many chains.
        seed: seed of all random numbers.
    """

    def __init__(self, polytope: Polytope, vertices: Matrix, chains: int, seed: int) -> None:
        self._polytope = polytope
        self._limiting = polytope.limiting(vertices)
        self._random = np.random.Generator(np.random.PCG64(seed))
        corners = polytope.basis.T @ (vertices - polytope.inside[:, None])
        shares = self._random.dirichlet(np.ones(vertices.shape[1]), size=chains).T
        self._round(corners, TOWARDS_EDGE * (corners @ shares))

    def warm_up(self) -> None:
        """Round the polytope by trial walks, and forget the starts."""
        chains = self._states.shape[1]
        sweeps = max(MIN_SWEEPS, -(-DRAWS_PER_DIMENSION * self._polytope.dimension // chains))
        for _ in range(ROUNDS):
            seen = np.hstack([self._sweep() for _ in range(sweeps)])
            self._round(seen, seen[:, -chains:])

    def draw(self, count: int, thinning: int) -> NDArray[np.float64]:
        """Return `count` states of each chain: draw × entry × chain."""
        polytope = self._polytope
        drawn = np.empty((count, len(polytope.inside), self._states.shape[1]))
        for number in range(count):
            for _ in range(thinning - 1):
                self._sweep()
            points = polytope.inside[:, None] + polytope.basis @ self._sweep()
            drawn[number] = np.clip(points, polytope.lower[:, None], polytope.upper[:, None])
        return drawn

    def _round(self, seen: Matrix, states: Matrix) -> None:
        """Take coordinates in which what was `seen` spreads equally in all directions."""
        spread, axes = np.linalg.eigh(np.atleast_2d(np.cov(seen)))
        spread = np.sqrt(np.maximum(spread, FLOOR * spread.max(initial=0.0)))
        self._scale = axes * spread
        self._states = (axes.T @ states) / spread[:, None]
        self._directions = self._limiting.basis @ self._scale
        self._chords = [_Chord.along(direction, self._limiting) for direction in self._directions.T]

    def _sweep(self) -> Matrix:
        """Move every chain along every coordinate; return where they are, in the polytope's z."""
        # Computed anew from the coordinates, so that rounding errors of steps do not add up.
        points = self._limiting.inside[:, None] + self._directions @ self._states
        for axis in self._random.permutation(len(self._chords)):
            shares = self._random.random(points.shape[1])
            self._states[axis] += self._chords[axis].move(points, shares)
        return np.asarray(self._scale @ self._states)


@dataclass(frozen=True, slots=True, eq=False)
class _Chord:
    """One direction, and what limits a step along it."""

    step: Matrix
    inverse: Matrix
    ahead: Matrix
    """The bounds met by a step forwards; behind, by one backwards."""
    behind: Matrix

    @classmethod
    def along(cls, direction: Vector, polytope: Polytope) -> _Chord:
        """Return the chord along `direction`."""
        size = np.abs(direction)
        moves = size > NEGLIGIBLE * size.max(initial=0.0)
        step = np.where(moves, direction, 0.0)
        inverse = 1.0 / np.where(moves, direction, 1.0)
        ahead, behind = (np.where(step > 0, *pair) for pair in _swapped(polytope.upper, polytope.lower))
        ahead, behind = np.where(moves, ahead, np.inf), np.where(moves, behind, -np.inf)
        return cls(step[:, None], inverse[:, None], ahead[:, None], behind[:, None])

    def move(self, points: Matrix, shares: Vector) -> Vector:
        """Move each point to the place on its chord that its share names; return the steps."""
        forwards = ((self.ahead - points) * self.inverse).min(axis=0)
        backwards = ((self.behind - points) * self.inverse).max(axis=0)
        forwards, backwards = np.maximum(forwards, 0.0), np.minimum(backwards, 0.0)  # rounding at a bound
        steps: Vector = backwards + shares * (forwards - backwards)
        points += self.step * steps
        return steps


def _swapped(one: Vector, other: Vector) -> tuple[tuple[Vector, Vector], tuple[Vector, Vector]]:
    return (one, other), (other, one)
