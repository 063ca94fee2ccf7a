"""The vocabulary of scalar features of a time course, the same in every analysis."""

from __future__ import annotations

from typing import Literal

Feature = Literal[
    "final", "mean", "minimum", "maximum", "time_of_minimum", "time_of_maximum", "period", "amplitude"
]
"""What a time course is summed up by, over the points reported.

final              the value at the last point
mean               the average over time (trapezoidal rule)
minimum, maximum   of the points
time_of_minimum,
time_of_maximum    of the first such point, model time
period, amplitude  of an oscillation, as `kinetic_oscillation` defines them; null where there is none
"""
