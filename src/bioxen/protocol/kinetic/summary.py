"""Statistics over the members of a study."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.arrays import NumberArray
from bioxen.protocol.kinetic.features import Feature
from bioxen.protocol.units import Fraction, Identifier, Quantity

MOST_BUCKETS = 1024
"""Of one number of the members, in approximate quantiles."""
QuantileMethod = Literal["exact", "approximate"]
Edges = Annotated[list[Quantity], Field(min_length=2, max_length=10_001)]


class HistogramEdges(Message):
    """The edges of some histograms of a summary; where several fit one, what names more wins."""

    output: Identifier | None = None
    """The output they are for; every output where absent."""
    feature: Feature | None = None
    """The feature they are for; every feature where absent."""
    edges: Edges
    """Rising, one more than there are bins; the last bin includes its upper edge."""

    @model_validator(mode="after")
    def _rising(self) -> HistogramEdges:
        for below, above in pairwise(self.edges):
            if not below < above:
                raise mistake_at("edges", f"edges rise, and {above:g} does not lie above {below:g}")
        return self

    def fits(self, output: str, feature: Feature) -> bool:
        """Return whether they are for the histogram of that feature of that output."""
        return self.output in (None, output) and self.feature in (None, feature)


class Buckets(Message):
    """Of some members: how many numbers fell into each bucket of the float64, for approximate quantiles.

    A number's bucket are the leading bits of its float64: bits >> shift where it is not negative, and
    -1 - (bits of its size >> shift) where it is. `shift` is each place's own, so that it has 1024 buckets at
    most. Buckets of several parts add up to the same whatever the parts are.
    """

    lowest: NumberArray
    """The lowest number, at every place of the mean."""
    highest: NumberArray
    packed: str
    """base64 of zlib-compressed little-endian int32: the shift of every place, how many buckets it has, then
    its buckets (rising, each as the distance to the one before in the whole list), then their counts."""


class Moments(Message):
    """What a worker keeps of the members of a part in place of their numbers; parts of it add up."""

    members: int
    """How many completed."""
    mean: NumberArray
    squares: NumberArray
    """Sum of the squared distances from the mean."""
    buckets: Buckets | None = None
    """For approximate quantiles."""


class Histogram(Message):
    """How often a feature fell where, over the members that completed."""

    output: str
    feature: Feature
    edges: list[float]
    """One more than there are counts; the last bin includes its upper edge."""
    counts: list[int]
    below: int = 0
    """How many lie below the first edge; only where the request gave the edges."""
    above: int = 0
    """How many lie above the last edge; only where the request gave the edges."""
    missing: int = 0
    """How many completed without such a number: what does not oscillate has no period."""


class Statistics(Message):
    """Over the members that completed; null where one of them has no such number."""

    mean: NumberArray
    standard_deviation: NumberArray
    """With n − 1 in the denominator, null for fewer than two members."""
    quantiles: NumberArray
    """Probabilities × the axes of the mean, by linear interpolation between two members' numbers."""
    accuracy: NumberArray | None = None
    """For approximate quantiles, with the axes of the mean: each of the two numbers is known within this
    share of its own size (from 2.3e-308 on). Null for exact ones."""


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
    the blocks. Exact quantiles and histograms are those of all numbers; approximate quantiles and histograms
    with requested edges are counted, and counts add up to the same however the members were cut into parts.
    """

    members: int
    """How many completed."""
    outputs: list[str]
    probabilities: list[Fraction]
    quantile_method: QuantileMethod = "exact"
    """As the request has it; it holds for every `quantiles` here."""
    histograms: list[Histogram]
    steady: SteadySummary | None = None
    """For the methods `steady_state` and `control`."""
    control: ControlSummary | None = None
    """For the method `control`."""
