"""What ensembles, scans and batches share: methods beside integration, and summaries."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from bioxen.protocol.base import mistake_at
from bioxen.protocol.kinetic.features import Feature
from bioxen.protocol.kinetic.members import MembersMethod, MembersRequest, Report
from bioxen.protocol.kinetic.request import Seed
from bioxen.protocol.kinetic.simulation import EPSILON, Epsilon
from bioxen.protocol.kinetic.summary import HistogramEdges, QuantileMethod
from bioxen.protocol.units import Fraction

_WITH_COEFFICIENTS = 100
"""Members of a block that have control coefficients, which are many numbers each."""


class SampledRequest(MembersRequest):
    """Members that may also be stochastic, or at their steady states."""

    method: MembersMethod = "ode"
    """`ode` integrates each member; `ssa` gives one exact stochastic trajectory of each, `tau_leaping` an
    approximate one; `steady_state` gives the state it settles to, `control` its control coefficients too.

    At steady states the time fields do not matter, and the one feature is `final`.
    """
    epsilon: Epsilon = EPSILON
    """Of `tau_leaping`: how much a propensity may change during a leap, as a share."""
    seed: Seed = 0
    """Member i depends on the seed and on i alone."""
    report: Report = "features"
    """`features` of each member, `values` at every point of each, or a `summary` over them at every point."""
    quantiles: list[Fraction] = Field(default_factory=lambda: [0.05, 0.25, 0.5, 0.75, 0.95])
    """Probabilities of the quantiles in a summary."""
    quantile_method: QuantileMethod = "exact"
    """`exact` needs the numbers of every member where the summary is made, and they all travel there.

    `approximate` counts them in buckets, and takes the same room for a thousand members and for a million:
    the summary says how accurate its quantiles are.
    """
    quantile_accuracy: Annotated[float, Field(ge=1e-4, le=0.1)] = 0.005
    """Of `approximate`: the share of its size within which a number is to be known. Numbers that spread over
    so many orders of magnitude that more than 1024 buckets would be needed are known less well."""
    bins: Annotated[int, Field(ge=0, le=1000)] = 20
    """Number of equal bins in the histograms of a summary that have no `edges`, from the smallest to the
    largest value; one histogram a feature of an output, 0 for none. The features of every member travel."""
    edges: Annotated[list[HistogramEdges], Field(max_length=10_000)] = Field(default_factory=list)
    """Edges of histograms of a summary. Workers count, so no member's numbers travel for these."""

    @property
    def kept(self) -> Report:
        """What is kept of each member."""
        return self.report

    @property
    def rests(self) -> bool:
        """Whether steady states are asked for."""
        return self.method in ("steady_state", "control")

    @property
    def points(self) -> int:
        """The points reported of each member; a steady state is one."""
        return 1 if self.rests else self.time_points

    @property
    def block_size(self) -> int:
        """The members of a block."""
        size = super().block_size
        return min(size, _WITH_COEFFICIENTS) if self.method == "control" else size

    @property
    def sends_values(self) -> bool:
        """Whether the values of every member leave the workers; exact quantiles of a summary need them."""
        if self.report == "summary":
            return bool(self.quantiles) and self.quantile_method == "exact"
        return self.report == "values"

    @property
    def sends_features(self) -> list[Feature]:
        """The features of every member that leave the workers: for a summary, those binned by their range."""
        features = list(dict.fromkeys(self.features))
        if self.report != "summary":
            return features
        for_all = {one.feature for one in self.edges if one.output is None}
        if not self.bins or None in for_all:
            return []
        return [
            feature
            for feature in features
            if feature not in for_all
            and not (
                self.outputs
                and all(any(one.fits(output, feature) for one in self.edges) for output in self.outputs)
            )
        ]

    @property
    def sketches(self) -> bool:
        """Whether workers count values in buckets, for approximate quantiles."""
        return self.report == "summary" and bool(self.quantiles) and self.quantile_method == "approximate"

    @model_validator(mode="after")
    def _edges_of_something(self) -> SampledRequest:
        seen: set[tuple[str | None, str | None]] = set()
        for number, one in enumerate(self.edges):
            if one.feature is not None and one.feature not in self.features:
                raise mistake_at(
                    f"edges.{number}.feature",
                    f"it is for the feature {one.feature!r}, which is not in features",
                )
            if one.output is not None and self.outputs is not None and one.output not in self.outputs:
                raise mistake_at(
                    f"edges.{number}.output", f"it is for the output {one.output!r}, which is not in outputs"
                )
            if (one.output, one.feature) in seen:
                raise mistake_at(f"edges.{number}", "it is for the same histograms as edges before it")
            seen.add((one.output, one.feature))
        return self

    @model_validator(mode="after")
    def _leaps(self) -> SampledRequest:
        if self.method != "tau_leaping" and self.epsilon != EPSILON:
            raise mistake_at("epsilon", f"it is of the method 'tau_leaping', and this is {self.method!r}")
        return self

    @model_validator(mode="after")
    def _still(self) -> SampledRequest:
        if self.rests and self.report == "values":
            raise mistake_at("report", "a steady state has no points in time: ask for the report 'features'")
        if self.rests and self.features != ["final"]:
            raise mistake_at("features", "the one feature of a steady state is 'final'")
        return self
