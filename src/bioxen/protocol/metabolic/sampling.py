"""Flux sampling: the set of possible fluxes as a distribution."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.units import Flux, Fraction, Identifier

MAX_NUMBERS = 5_000_000
"""Most numbers of one answer that returns its samples."""


class SamplingRequest(MetabolicRequest):
    """Flux sampling: fluxes drawn uniformly from all that steady state and bounds allow.

    A billiard walk on a rounded set, many chains side by side. The same seed gives the same samples. Where
    the chains do not agree (R-hat above 1.05) or `min_ess` is not reached, the status is `feasible`.
    """

    title: ClassVar[str] = "flux sampling"
    kisao: ClassVar[str | None] = "KISAO:0000588"

    process_code: Literal["metabolic_sampling", "metabolic_flux_sampling"] = "metabolic_sampling"
    samples: Annotated[int, Field(ge=10, le=100_000)] = 1000
    """Samples in total, over all chains."""
    chains: Annotated[int, Field(ge=2, le=256)] = 16
    """Independent chains, from different starts."""
    thinning: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Ways between two samples of a chain; where absent, as many as make samples nearly independent."""
    min_ess: Annotated[float, Field(ge=1)] | None = None
    """The effective sample size that is asked of every reported flux; a tenth of `samples` where absent."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Seed of the random numbers."""
    fraction_of_optimum: Fraction | None = None
    """The share of the best objective that every sample keeps; no condition where absent."""
    reactions: list[Identifier] | None = None
    """The reactions to report; all where absent."""
    return_samples: bool = False
    """Whether to return the samples themselves beside their summary."""

    @model_validator(mode="after")
    def _chains_have_samples(self) -> SamplingRequest:
        if self.samples < 4 * self.chains:
            raise mistake_at(
                "samples", f"{self.samples} samples are too few for {self.chains} chains: give 4 for each"
            )
        return self


class FluxDistribution(Message):
    """The samples of one flux, summarised."""

    mean: Flux
    sd: Flux
    """Standard deviation."""
    quantiles: list[Flux]
    """At the probabilities of `FluxSamples.probabilities`."""
    ess: float | None
    """Effective sample size over all chains; null for a flux that has one value only."""
    r_hat: float | None
    """Split R-hat: near 1 where the chains agree; null for a flux that has one value only."""


class FluxSamples(Message):
    """A sample of the possible fluxes, and how far it can be trusted."""

    samples: int
    """Samples in total; fewer than asked for where the work that one request may take was done."""
    chains: int
    dimension: int
    """Degrees of freedom of the fluxes."""
    probabilities: list[float]
    """The probabilities of the quantiles."""
    converged: bool
    """Whether the chains agree (R-hat at most 1.05) and the effective sample size is what was asked for."""
    min_ess: float | None
    """The least effective sample size of any reported flux."""
    max_r_hat: float | None
    """The greatest split R-hat of any reported flux."""
    fluxes: dict[str, FluxDistribution]
    """Reaction id → its distribution."""
    values: dict[str, list[Flux]] | None = None
    """Reaction id → its samples, chain by chain, where they were asked for."""
