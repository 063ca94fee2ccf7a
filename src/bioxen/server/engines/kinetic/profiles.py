"""Profile likelihood: how bad the best fit becomes as one parameter is held away from its optimum."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, brentq
from scipy.stats import chi2

from bioxen.protocol.kinetic import Profile
from bioxen.server.engines.kinetic.fitting import Fit
from bioxen.server.engines.kinetic.side_by_side import Ask, Matrix, side_by_side

_FIRST_STEP = 0.01
"""First step away from the optimum, as a share of the range."""
_GROWTH = 2.0
_EXACT = 1e-3
"""How exactly an end of the interval is found, as a share of its distance from the optimum."""


def profiles(
    fit: Fit, best: OptimizeResult, axes: Sequence[int], confidence: float, ask: Ask
) -> list[Profile]:
    """Return the profile of each of `axes` with the ends of its confidence interval.

    The threshold is where the likelihood ratio has its chi-squared quantile with one degree of freedom: with
    known noise an increase of the weighted sum of squares by it, otherwise (the noise being estimated from
    the residuals as well) an increase by the factor exp(quantile/n).
    """
    least = 2 * float(best.cost)
    quantile = float(chi2.ppf(confidence, 1))
    threshold = least + quantile if fit.knows_noise else least * math.exp(quantile / fit.count)
    ways = [_Way(fit, best.x, least, axis, direction, threshold) for axis in axes for direction in (-1, +1)]
    tasks: list[Callable[[Ask], _Walk]] = [way.walked for way in ways]
    walks = side_by_side(tasks, ask, "profiles")
    return [
        _profile(fit, axis, low, high, threshold)
        for axis, low, high in zip(axes, walks[::2], walks[1::2], strict=True)
    ]


def _profile(fit: Fit, axis: int, low: _Walk, high: _Walk, threshold: float) -> Profile:
    scale = fit.axes[axis]
    seen = low.seen | high.seen
    places = sorted(seen)
    return Profile(
        lower=None if low.end is None else scale.value(low.end),
        upper=None if high.end is None else scale.value(high.end),
        values=[scale.value(place) for place in places],
        sum_of_squares=[seen[place] for place in places],
        threshold=threshold,
    )


@dataclass(frozen=True, slots=True)
class _Way:
    """One side of a profile."""

    fit: Fit
    best: Matrix
    least: float
    axis: int
    direction: int
    threshold: float

    def walked(self, ask: Ask) -> _Walk:
        """Return the walk to where the interval ends."""
        return _Walk(self, ask)


class _Walk:
    """One side of a profile as it is computed, each point from the nearest one before it."""

    def __init__(self, way: _Way, ask: Ask) -> None:
        self._way, self._ask = way, ask
        self._others = [index for index in range(len(way.fit.axes)) if index != way.axis]
        self._centre = float(way.best[way.axis])
        self._points: dict[float, Matrix] = {self._centre: np.array(way.best)}
        self.seen: dict[float, float] = {self._centre: way.least}
        """Place on the axis → the best sum of squares there."""
        self.end = self._found_end()
        """Where the threshold is crossed, or `None` where the range ends first."""

    def _cost(self, place: float) -> float:
        """Return the best sum of squares with the parameter held at `place`; infinite where nothing runs."""
        if place in self.seen:
            return self.seen[place]
        nearest = min(self._points, key=lambda known: abs(known - place))
        point = self._points[nearest].copy()
        point[self._way.axis] = place
        if self._others:
            found = self._way.fit.search(self._ask, point, self._others)
            if found is None:
                return math.inf
            point[self._others], cost = found.x, 2 * float(found.cost)
        else:
            residuals = self._ask(point[None, :])[0]
            cost = float(residuals @ residuals)
            if not math.isfinite(cost):
                return math.inf
        self._points[place] = point
        self.seen[place] = cost
        return cost

    def _found_end(self) -> float | None:
        region, axis, direction = self._way.fit.region, self._way.axis, self._way.direction
        limit = float((region.upper if direction > 0 else region.lower)[axis])
        width = float(region.upper[axis] - region.lower[axis])
        step, inner = _FIRST_STEP * width, self._centre
        while inner != limit:
            outer = self._centre + direction * step
            outer = min(outer, limit) if direction > 0 else max(outer, limit)
            if self._cost(outer) > self._way.threshold:
                return self._between(inner, outer)
            inner, step = outer, step * _GROWTH
        return None

    def _between(self, inner: float, outer: float) -> float:
        if not math.isfinite(self._cost(outer)):
            return inner
        exact = _EXACT * abs(outer - self._centre)
        return float(brentq(lambda place: self._cost(place) - self._way.threshold, inner, outer, xtol=exact))
