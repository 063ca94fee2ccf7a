"""Scalar features of time courses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bioxen.protocol.kinetic import Feature
from bioxen.server.engines.studies.arrays import Array
from bioxen.server.engines.studies.swings import swings

NOISE = 1000.0
"""How many times the relative tolerance a swing must be to count as one, as a share of the largest value."""
LEAST = 100.0
"""How many times the absolute tolerance it must be: below that what died away is the integrator's noise."""


def features_of(
    times: Array, values: Array, wanted: Sequence[Feature], relative: float, absolute: float
) -> Array:
    """Return the features of a block.

    Args:
        times: points.
        values: members × points × outputs; NaN where a member failed.
        wanted: the features.
        relative: tolerance the values were computed with.
        absolute: the same.

    Returns:
        Members × features × outputs; NaN where there is no such feature.
    """
    table = np.empty((values.shape[0], len(wanted), values.shape[2]))
    for row, feature in enumerate(wanted):
        table[:, row, :] = _PLAIN[feature](times, values) if feature in _PLAIN else np.nan
    if "period" in wanted or "amplitude" in wanted:
        _note_swings(table, times, values, wanted, (NOISE * relative, LEAST * absolute))
    return np.where(np.isnan(values).any(axis=1, keepdims=True), np.nan, table)


def _mean(times: Array, values: Array) -> Array:
    average: Array = np.trapezoid(values, times, axis=1) / (times[-1] - times[0])
    return average


_PLAIN: dict[Feature, Callable[[Array, Array], Array]] = {
    "final": lambda _, values: values[:, -1, :],
    "mean": _mean,
    "minimum": lambda _, values: values.min(axis=1),
    "maximum": lambda _, values: values.max(axis=1),
    "time_of_minimum": lambda times, values: times[values.argmin(axis=1)],
    "time_of_maximum": lambda times, values: times[values.argmax(axis=1)],
}


def _note_swings(
    table: Array, times: Array, values: Array, wanted: Sequence[Feature], floors: tuple[float, float]
) -> None:
    middle = float(times[0] + times[-1]) / 2
    late = slice(int(np.searchsorted(times, middle)), None)
    for member in range(values.shape[0]):
        for output in range(values.shape[2]):
            series = values[member, late, output]
            if np.isnan(series).any():
                continue
            found = swings(times[late], series, *floors)
            for feature, value in (("period", found.period), ("amplitude", found.amplitude)):
                if feature in wanted and value is not None:
                    table[member, wanted.index(feature), output] = value
