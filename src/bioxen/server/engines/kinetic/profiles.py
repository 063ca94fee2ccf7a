"""Profile likelihood: how bad the best fit becomes as one parameter is held away from its optimum."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import OptimizeResult, brentq
from scipy.stats import chi2

from bioxen.protocol.kinetic import Profile
from bioxen.server.engines.kinetic.fitting import Fit
from bioxen.server.engines.kinetic.runner import Matrix

_FIRST_STEP = 0.01
"""First step away from the optimum, as a share of the range."""
_GROWTH = 2.0
_EXACT = 1e-3
"""How exactly an end of the interval is found, as a share of its distance from the optimum."""


def profile(fit: Fit, best: OptimizeResult, axis: int, confidence: float) -> Profile:
    """Return the profile of one parameter with the ends of its confidence interval.

    The threshold is where the likelihood ratio has its chi-squared quantile with one degree of freedom: with
    known noise an increase of the weighted sum of squares by it, otherwise (the noise being estimated from
    the residuals as well) an increase by the factor exp(quantile/n).
    """
    least = 2 * float(best.cost)
    quantile = float(chi2.ppf(confidence, 1))
    threshold = least + quantile if fit.knows_noise else least * math.exp(quantile / fit.count)
    walk = _Walk(fit, best.x, axis, threshold)
    scale = fit.axes[axis]
    low, high = walk.end(-1), walk.end(+1)
    places = sorted(walk.seen)
    return Profile(
        lower=None if low is None else scale.value(low),
        upper=None if high is None else scale.value(high),
        values=[scale.value(place) for place in places],
        sum_of_squares=[walk.seen[place] for place in places],
        threshold=threshold,
    )


class _Walk:
    """The profile as it is computed, each point from the nearest one before it."""

    def __init__(self, fit: Fit, best: Matrix, axis: int, threshold: float) -> None:
        self._fit = fit
        self._axis = axis
        self._others = [index for index in range(len(fit.axes)) if index != axis]
        self._threshold = threshold
        self._points: dict[float, Matrix] = {float(best[axis]): np.array(best)}
        self._centre = float(best[axis])
        self.seen: dict[float, float] = {}
        self.cost(self._centre)

    def cost(self, place: float) -> float:
        """Return the best sum of squares with the parameter held at `place`; infinite where nothing runs."""
        if place in self.seen:
            return self.seen[place]
        nearest = min(self._points, key=lambda known: abs(known - place))
        point = self._points[nearest].copy()
        point[self._axis] = place
        if self._others:
            found = self._fit.search(point, self._others)
            if found is None:
                return math.inf
            point[self._others] = found.x
        residuals = self._fit.residuals(point)
        self._points[place] = point
        self.seen[place] = float(residuals @ residuals)
        return self.seen[place]

    def end(self, direction: int) -> float | None:
        """Return where the threshold is crossed, or `None` where the range ends first."""
        limit = float((self._fit.upper if direction > 0 else self._fit.lower)[self._axis])
        width = float(self._fit.upper[self._axis] - self._fit.lower[self._axis])
        step, inner = _FIRST_STEP * width, self._centre
        while inner != limit:
            outer = self._centre + direction * step
            outer = min(outer, limit) if direction > 0 else max(outer, limit)
            if self.cost(outer) > self._threshold:
                return self._between(inner, outer)
            inner, step = outer, step * _GROWTH
        return None

    def _between(self, inner: float, outer: float) -> float:
        if not math.isfinite(self.cost(outer)):
            return inner
        exact = _EXACT * abs(outer - self._centre)
        return float(brentq(lambda place: self.cost(place) - self._threshold, inner, outer, xtol=exact))
