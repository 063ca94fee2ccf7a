"""Statistics over the members of a study."""

from __future__ import annotations

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.arrays import NumberArray
from bioxen.protocol.kinetic.features import Feature
from bioxen.protocol.units import Fraction


class Moments(Message):
    """What a worker keeps of the members of a part in place of their numbers; parts of it add up."""

    members: int
    """How many completed."""
    mean: NumberArray
    squares: NumberArray
    """Sum of the squared distances from the mean."""


class Histogram(Message):
    """How often a feature fell where, over the members that completed."""

    output: str
    feature: Feature
    edges: list[float]
    """One more than there are counts; the last bin includes its upper edge."""
    counts: list[int]


class Statistics(Message):
    """Over the members that completed; null where one of them has no such number."""

    mean: NumberArray
    standard_deviation: NumberArray
    """With n − 1 in the denominator, null for fewer than two members."""
    quantiles: NumberArray
    """Probabilities × the axes of the mean, by linear interpolation."""


class ControlSummary(Message):
    """Control coefficients over the members."""

    reactions: list[str]
    species: list[str]
    fluxes: Statistics
    """Of the steady rates, reactions."""
    flux_control: Statistics
    """Reactions × reactions, scaled."""
    concentration_control: Statistics
    """Species × reactions, scaled."""


class SteadySummary(Message):
    """How many of the steady states are what."""

    stable: int
    unstable: int
    undecided: int
    """An eigenvalue is zero within rounding."""
    settled: int
    """The model settles to the state from its initial conditions."""


class Summary(Statistics):
    """Over the members that completed, at every point: arrays are points × outputs.

    Steady states count as one point. Mean and standard deviation are added up block by block, in the order of
    the blocks; quantiles and histograms are those of all numbers.
    """

    members: int
    """How many completed."""
    outputs: list[str]
    probabilities: list[Fraction]
    histograms: list[Histogram]
    steady: SteadySummary | None = None
    """For the methods `steady_state` and `control`."""
    control: ControlSummary | None = None
    """For the method `control`."""
