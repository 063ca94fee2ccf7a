"""Coordinate hit-and-run on a polytope, many chains side by side.

The polytope is {inside + basis·z} between bounds. A long thin one is walked slowly, so it is rounded first: the
coordinates are scaled by the spread of the vertices, then twice and more by that of a trial walk. A sweep moves
along every coordinate once, each time to a uniform point of the chord, in an order drawn anew for each sweep;
the chains share the order and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.metabolic.hull import Matrix
from bioxen.server.engines.metabolic.network import Vector

ROUNDS = 4
"""Trial walks that the rounding learns from."""
DRAWS_PER_DIMENSION = 10
"""States a trial walk collects for each dimension, so that their covariance has full rank."""
MIN_SWEEPS = 30
FLOOR = 1e-12
"""Least variance of a coordinate, relative to the largest."""
NEGLIGIBLE = 1e-12
"""An entry of a direction below this, relative to its largest, moves nothing."""
TOWARDS_EDGE = 0.9
"""How far from the interior point towards the vertices chains start."""


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

    def project(self, states: Matrix) -> Matrix:
        """Return the states without what rounding added across the polytope."""
        centre = self.inside[:, None]
        return np.asarray(centre + self.basis @ (self.basis.T @ (states - centre)))


class Walk:
    """Chains on one polytope; a state is a column."""

    def __init__(self, polytope: Polytope, vertices: Matrix, chains: int, seed: int) -> None:
        self._polytope = polytope
        self._random = np.random.Generator(np.random.PCG64(seed))
        shares = self._random.dirichlet(np.ones(vertices.shape[1]), size=chains).T
        edge = vertices @ shares - polytope.inside[:, None]
        self._states = polytope.project(polytope.inside[:, None] + TOWARDS_EDGE * edge)
        self._round(vertices)

    def warm_up(self) -> None:
        """Round the polytope by trial walks, and forget the starts."""
        chains = self._states.shape[1]
        sweeps = max(MIN_SWEEPS, -(-DRAWS_PER_DIMENSION * self._polytope.dimension // chains))
        for _ in range(ROUNDS):
            self._round(np.hstack([self._sweep() for _ in range(sweeps)]))

    def draw(self, count: int, thinning: int) -> NDArray[np.float64]:
        """Return `count` states of each chain: draw × entry × chain."""
        drawn = np.empty((count, *self._states.shape))
        for number in range(count):
            for _ in range(thinning):
                self._sweep()
            drawn[number] = np.clip(
                self._states, self._polytope.lower[:, None], self._polytope.upper[:, None]
            )
        return drawn

    def _round(self, states: Matrix) -> None:
        """Take coordinates in which `states` spread equally in all directions."""
        z = self._polytope.basis.T @ (states - self._polytope.inside[:, None])
        spread, axes = np.linalg.eigh(np.atleast_2d(np.cov(z)))
        spread = np.maximum(spread, FLOOR * spread.max(initial=0.0))
        directions = self._polytope.basis @ (axes * np.sqrt(spread))
        self._chords = [
            _Chord.along(directions[:, axis], self._polytope) for axis in range(directions.shape[1])
        ]

    def _sweep(self) -> Matrix:
        for axis in self._random.permutation(len(self._chords)):
            self._chords[axis].move(self._states, self._random.random(self._states.shape[1]))
        self._states = self._polytope.project(self._states)
        return self._states


@dataclass(frozen=True, slots=True, eq=False)
class _Chord:
    """One direction, and what limits a step along it."""

    entries: NDArray[np.int64]
    step: Matrix
    inverse: Matrix
    ahead: Matrix
    """The bounds met by a step forwards; behind, by one backwards."""
    behind: Matrix

    @classmethod
    def along(cls, direction: Vector, polytope: Polytope) -> _Chord:
        """Return the chord along `direction`."""
        size = np.abs(direction)
        entries = np.flatnonzero(size > NEGLIGIBLE * size.max(initial=0.0))
        step = direction[entries]
        lower, upper = polytope.lower[entries], polytope.upper[entries]
        ahead, behind = np.where(step > 0, upper, lower), np.where(step > 0, lower, upper)
        return cls(entries, step[:, None], 1.0 / step[:, None], ahead[:, None], behind[:, None])

    def move(self, states: Matrix, shares: Vector) -> None:
        """Move each state to the point of its chord that its share names."""
        here = states[self.entries]
        forwards = ((self.ahead - here) * self.inverse).min(axis=0)
        backwards = ((self.behind - here) * self.inverse).max(axis=0)
        forwards, backwards = np.maximum(forwards, 0.0), np.minimum(backwards, 0.0)  # rounding at a bound
        states[self.entries] = here + self.step * (backwards + shares * (forwards - backwards))
