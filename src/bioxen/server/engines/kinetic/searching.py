"""Bounded searches (scipy's) whose difference quotients are computed in one block.

Wherever the optimiser looks, the neighbours along every axis are computed with the point: where points run
side by side they cost little more, and the optimiser nearly always wants the slopes next.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, least_squares, minimize

from bioxen.server.engines.kinetic.side_by_side import Ask, Matrix

DIFFERENCE_STEP = 1e-5
"""Step of the difference quotients: of the place on its scale, or of the range's width where that is more."""
_OF_WIDTH = 1e-2
"""Share of the width of a range that counts as the least size of a place in it."""

_MINIMISED: Any = {"maxiter": 500, "maxfun": 100_000, "ftol": 1e-12, "gtol": 1e-6}
_FAR = 1e3
"""How many times the numbers at the start those are that stand in for none."""


class Region:
    """A box that is searched, and the steps of difference quotients in it."""

    def __init__(self, lower: Matrix, upper: Matrix) -> None:
        self.lower, self.upper = lower, upper

    def sizes(self, point: Matrix) -> Matrix:
        """Return the size of each place: its own, or a share of the width of its range where that is more."""
        return np.maximum(np.abs(point), _OF_WIDTH * (self.upper - self.lower))

    def neighbours(self, point: Matrix) -> tuple[Matrix, Matrix]:
        """Return the point with its neighbour along every axis, (axes + 1) × axes, and the steps to them."""
        steps = DIFFERENCE_STEP * self.sizes(point)
        steps[point + steps > self.upper] *= -1
        points = np.vstack([point, point + np.diag(steps)])
        return points, np.diag(points[1:]) - point


class Slopes:
    """Numbers and their slopes at the last point asked for; NaN is not differentiated.

    Where there are no numbers, some stand in that are so large that no search goes there from its start.
    """

    def __init__(self, ask: Ask, region: Region) -> None:
        self._ask, self._region = ask, region
        self._stand_in: float | None = None
        self._point: Matrix | None = None
        self.numbers: Matrix = np.empty(0)
        self.slopes: Matrix = np.empty((0, 0))
        """Numbers × axes."""
        self.known = False
        """Whether the model could be simulated at the point."""

    def at(self, point: Matrix) -> Slopes:
        """Look at `point`, unless that is where one looked last."""
        if self._point is None or not np.array_equal(point, self._point):
            self._point = np.array(point)
            self._look(self._point)
        return self

    def _look(self, point: Matrix) -> None:
        points, steps = self._region.neighbours(point)
        rows = self._ask(points)
        self.known = bool(np.isfinite(rows[0]).all())
        if self._stand_in is None:
            if not self.known:
                return  # a start without numbers: no search begins there
            self._stand_in = _FAR * (1.0 + float(np.abs(rows[0]).max()))
        self.numbers = rows[0] if self.known else np.full(rows.shape[1], self._stand_in)
        self.slopes = (rows[1:] - self.numbers).T / steps
        blind = ~np.isfinite(rows[1:]).all(axis=1)
        if self.known and blind.any():
            self._look_behind(point, steps, np.flatnonzero(blind))
        self.slopes[:, ~np.isfinite(self.slopes).all(axis=0)] = 0.0

    def _look_behind(self, point: Matrix, steps: Matrix, axes: NDArray[np.intp]) -> None:
        """Take the neighbours on the other side, where the nearest could not be simulated."""
        others = np.tile(point, (len(axes), 1))
        others[np.arange(len(axes)), axes] -= steps[axes]
        rows = self._ask(np.clip(others, self._region.lower, self._region.upper))
        self.slopes[:, axes] = (self.numbers - rows).T / steps[axes]


def least_squares_from(start: Matrix, ask: Ask, region: Region) -> OptimizeResult | None:
    """Return the least sum of squares reached (trust region reflective), or `None` if `start` has none.

    Args:
        start: inside the region.
        ask: points × axes → a row of residuals each, NaN where there are none.
        region: where to look.
    """
    slopes = Slopes(ask, region)
    if not slopes.at(start).known:
        return None

    def numbers(point: Matrix) -> Matrix:
        return slopes.at(point).numbers

    def jacobian(point: Matrix) -> Matrix:
        return slopes.at(point).slopes

    bounds = (region.lower, region.upper)
    found: OptimizeResult = least_squares(numbers, start, jac=jacobian, bounds=bounds, x_scale="jac")
    return found


def minimum_from(start: Matrix, ask: Ask, region: Region) -> OptimizeResult | None:
    """Return the least number reached (L-BFGS-B), or `None` if `start` has none.

    Args:
        start: inside the region.
        ask: points × axes → a row of one number each, NaN where there is none.
        region: where to look.
    """
    slopes = Slopes(ask, region)
    if not slopes.at(start).known:
        return None

    def number(point: Matrix) -> float:
        return float(slopes.at(point).numbers[0])

    def gradient(point: Matrix) -> Matrix:
        return np.asarray(slopes.at(point).slopes[0])

    bounds = list(zip(region.lower, region.upper, strict=True))
    found: OptimizeResult = minimize(
        number, start, jac=gradient, method="L-BFGS-B", bounds=bounds, options=_MINIMISED
    )
    return found
