"""Oscillations in one time course: peaks, their spacing, and how the swings grow or die away.

A peak counts where it stands out by more than the noise of the integration. Its time and height come from a
polynomial through the points around it, so they are not bound to the grid. A cycle may have several peaks: it
is the smallest number of them after which spacing and swing repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import find_peaks

from bioxen.protocol.kinetic.oscillation import OscillationKind
from bioxen.server.engines.studies.arrays import Array

_AROUND = 3
"""Points on each side of a peak that the polynomial goes through."""
_MOST_PEAKS = 8
"""Peaks a cycle may have."""
_SAME_SPACING = 0.01
"""Relative scatter of the spacings up to which they are one period."""
_SAME_SWING = 0.05
_SUSTAINED = 1e-3
"""Logarithmic decrement up to which an oscillation neither grows nor dies away."""
_LATEST = 5
"""Cycles, counted from the end, that tell the damping."""


@dataclass(frozen=True, slots=True)
class Swings:
    """What was found; numbers are `None` where the kind has none."""

    kind: OscillationKind
    period: float | None = None
    deviation: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    damping: float | None = None
    first_peak: float | None = None
    cycles: int = 0
    peak_spacing: float | None = None
    """Mean time between peaks, of which a period may have several."""

    @property
    def amplitude(self) -> float | None:
        """Half the distance from the deepest to the highest point of the last cycle."""
        if self.minimum is None or self.maximum is None:
            return None
        return (self.maximum - self.minimum) / 2


def swings(times: Array, values: Array, noise: float, least: float) -> Swings:
    """Return how `values` swing.

    Args:
        times: increasing; evenly spaced around a peak is best.
        values: one a time, finite.
        noise: share of the largest absolute value below which nothing counts.
        least: size below which nothing counts, however small the values are.
    """
    floor = max(noise * float(np.abs(values).max(initial=0.0)), least)
    if values.size < 2 * _AROUND + 1 or float(np.ptp(values)) <= floor:
        return Swings("none")
    peaks = _tops(times, values, floor)
    troughs = _tops(times, -values, floor) * [1.0, -1.0]
    if len(peaks) < 3 or len(troughs) < 2:
        return Swings("none")
    depths = _depths(peaks, troughs)
    rhythm = _rhythm(peaks, depths)
    if rhythm is None:
        return Swings("irregular", cycles=len(peaks) - 1, peak_spacing=_spacing(peaks))
    return _described(peaks, troughs, depths, rhythm)


def _tops(times: Array, values: Array, floor: float) -> Array:
    """Return the peaks as rows of time and height."""
    places, _ = find_peaks(values, prominence=max(floor, np.finfo(float).tiny))
    inner = places[(places >= _AROUND) & (places < values.size - _AROUND)]
    return np.array([_refined(times, values, place) for place in inner]).reshape(len(inner), 2)


def _refined(times: Array, values: Array, place: int) -> tuple[float, float]:
    """Return the top of the polynomial through the points around `place`, or the point itself."""
    around = slice(place - _AROUND, place + _AROUND + 1)
    width = (times[place + 1] - times[place - 1]) / 2
    x, level = (times[around] - times[place]) / width, values[place]
    polynomial = np.polynomial.Polynomial(
        np.linalg.solve(np.vander(x, increasing=True), values[around] - level)
    )
    slope, bend = polynomial.deriv(), polynomial.deriv(2)
    top = 0.0
    for _ in range(20):
        curvature = bend(top)
        if curvature >= 0:
            return float(times[place]), float(level)
        step = -slope(top) / curvature
        top += step
        if abs(top) > 1:
            return float(times[place]), float(level)
        if abs(step) < 1e-14:
            break
    return float(times[place] + top * width), float(level + polynomial(top))


def _depths(peaks: Array, troughs: Array) -> Array:
    """Return the fall from each peak but the last to the deepest point before the next."""
    falls = []
    for (start, height), (end, _) in pairwise(peaks):
        between = troughs[(troughs[:, 0] > start) & (troughs[:, 0] < end), 1]
        falls.append(height - between.min() if between.size else np.nan)
    return np.array(falls)


def _rhythm(peaks: Array, depths: Array) -> int | None:
    """Return after how many peaks the pattern repeats, or `None`."""
    if np.isnan(depths).any():
        return None
    for count in range(1, min(_MOST_PEAKS, len(depths) - 1) + 1):
        spacing = peaks[count:, 0] - peaks[:-count, 0]
        ratios = np.log(depths[count:] / depths[:-count])
        scatter = max(_SAME_SWING, 0.5 * abs(float(ratios.mean())))
        if spacing.std() <= _SAME_SPACING * spacing.mean() and ratios.std() <= scatter:
            return count
    return None


def _described(peaks: Array, troughs: Array, depths: Array, rhythm: int) -> Swings:
    whole = (len(peaks) - 1) // rhythm
    spacing = np.diff(peaks[::-1][: whole * rhythm + 1 : rhythm, 0][::-1])
    ratios = np.log(depths[:-rhythm] / depths[rhythm:])[-_LATEST * rhythm :]
    damping = float(ratios.mean())
    kind: OscillationKind = (
        "sustained" if abs(damping) <= _SUSTAINED else "damped" if damping > 0 else "growing"
    )
    end, start = peaks[-1, 0], peaks[-1 - rhythm, 0]
    last_troughs = troughs[(troughs[:, 0] >= start) & (troughs[:, 0] <= end), 1]
    return Swings(
        kind=kind,
        period=float(spacing.mean()),
        deviation=float(spacing.std()),
        minimum=float(last_troughs.min()),
        maximum=float(peaks[-rhythm:, 1].max()),
        damping=damping,
        first_peak=float(peaks[0, 0]),
        cycles=whole,
        peak_spacing=_spacing(peaks),
    )


def _spacing(peaks: Array) -> float:
    return float((peaks[-1, 0] - peaks[0, 0]) / (len(peaks) - 1))
