"""Billiard walks on a convex body, many chains side by side, in coordinates that round it.

A chain goes a way of random length in a random direction and is reflected at each face that it meets
(Gryazina and Polyak 2014): uniform in the limit, and in a rounded body a few ways are enough to forget where
one set out. Rounding goes by the covariance of one trial walk after another (Chalkis et al. 2021).

Work is counted, not timed, so that the same seed gives the same samples on a slower machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.billiard import fly
from bioxen.server.engines.metabolic.body import Body
from bioxen.server.engines.metabolic.hull import Matrix

Draws = NDArray[np.float64]
"""States: draw × chain × dimension."""

LENGTH = 4.0
"""Mean length of a way, in standard deviations times √dimension: across the body and back."""
REFLECTIONS = 100
"""Most reflections of one way, times the dimension."""
ROUNDS = 5
"""Most trial walks that the rounding learns from."""
ROUND = 6.0
"""Longest over shortest axis of what was seen; below it the body counts as round."""
DRAWS_PER_DIMENSION = 5
"""States a trial walk collects for each dimension, so that their covariance has full rank."""
MIN_DRAWS = 50
"""Least draws of each chain in a trial walk."""
FLOOR = 1e-12
"""Least variance along an axis, relative to the largest."""
MAX_WORK = 4e10
"""Numbers touched: about a minute."""
MAX_GRAM = 40_000_000
"""Largest table of products of faces, in entries (320 MB)."""


class Walk:
    """Chains on one body.

    Args:
        body: the set.
        starts: where the chains set out, inside: chain × dimension.
        seed: seed of all random numbers.
    """

    def __init__(self, body: Body, starts: Matrix, seed: int) -> None:
        self.body, self._states = body, starts
        self._random = np.random.Generator(np.random.PCG64(seed))
        self.work = 0.0
        self._prepare()

    def warm_up(self) -> tuple[Body, Draws]:
        """Round the body by trial walks and forget the starts; return the last walk and its body."""
        chains, dimension = self._states.shape
        count = max(MIN_DRAWS, -(-DRAWS_PER_DIMENSION * dimension // chains))
        for number in range(ROUNDS):
            with progress.within(number / ROUNDS, (number + 1) / ROUNDS):
                body, seen = self.body, self.draw(count, 1, MAX_WORK / 2, "rounding")
            longest = self._round(seen)
            if (number > 0 and longest < ROUND) or self.work > MAX_WORK / 4:
                break
        return body, seen

    def draw(self, count: int, thinning: int, work: float | None = None, phase: str = "samples") -> Draws:
        """Return `count` states of each chain, `thinning` ways apart; after `work` fewer, but at least 4.

        `phase` is what they are, as progress is told.
        """
        drawn = np.empty((count, *self._states.shape))
        limit = MAX_WORK if work is None else work
        for number in range(count):
            if number >= 4 and self.work > limit:
                return drawn[:number]
            progress.tell(number, count, phase)
            for _ in range(thinning):
                self._move()
            drawn[number] = self._states
        return drawn

    def _move(self) -> None:
        body, (chains, dimension) = self.body, self._states.shape
        ways = self._random.standard_normal((chains, dimension))
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        lengths = self._random.exponential(LENGTH * dimension**0.5, chains)
        # Computed anew from the states, so that rounding errors of the ways do not add up.
        slacks, speeds = body.limits - self._states @ self._normals, ways @ self._normals
        most = REFLECTIONS * (dimension + 1)
        met = fly(body.faces, self._gram, slacks, speeds, self._states, ways, lengths, most)
        count = len(body.limits)
        self.work += 2 * chains * dimension * count
        self.work += met * (count + dimension if self._gram.size else count * dimension)

    def _round(self, seen: Draws) -> float:
        """Take coordinates in which what was `seen` spreads equally; return longest over shortest axis."""
        flat = seen.reshape(-1, seen.shape[2])
        spread, axes = np.linalg.eigh(np.atleast_2d(np.cov(flat.T)))
        spread = np.sqrt(np.maximum(spread, FLOOR * spread.max()))
        centre = flat.mean(axis=0)
        self._states = np.ascontiguousarray((self._states - centre) @ axes / spread)
        self.body = self.body.seen_from(centre, axes * spread)
        self._prepare()
        return float(spread.max() / spread.min())

    def _prepare(self) -> None:
        faces = self.body.faces
        self._normals = np.ascontiguousarray(faces.T)
        self._gram = faces @ faces.T if len(faces) ** 2 <= MAX_GRAM else np.zeros((0, 0))
