"""One flux distribution, or the range of each flux."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.units import Flux, Fraction, Identifier


class FluxRequest(MetabolicRequest):
    """What the analyses share that give one flux distribution: how much of it is reported."""

    report: Literal["objective", "fluxes"] = "fluxes"
    """`objective` leaves the fluxes out of the result, which is then smaller and sooner there."""
    reactions: list[Identifier] | None = None
    """The reactions whose fluxes are reported; all where absent."""


class FbaRequest(FluxRequest):
    """Flux balance analysis: a flux distribution with the best objective."""

    title: ClassVar[str] = "flux balance analysis"
    kisao: ClassVar[str | None] = "KISAO:0000437"

    process_code: Literal[
        "metabolic_fba", "flux_balance_analysis", "metabolic_fba_optimization", "metabolic_optimization"
    ] = "metabolic_fba"
    report_shadow_prices: bool = False
    """Whether to give the shadow price of each metabolite and the reduced cost of each reaction."""
    report_uniqueness: bool = False
    """Whether to say which fluxes the optimum leaves open."""


class PfbaRequest(FluxRequest):
    """Parsimonious FBA: the best objective at the least total flux."""

    title: ClassVar[str] = "parsimonious flux balance analysis"
    kisao: ClassVar[str | None] = "KISAO:0000528"

    process_code: Literal["metabolic_pfba", "metabolic_parsimonious_fba"] = "metabolic_pfba"
    fraction_of_optimum: Fraction = 1.0
    """The share of the best objective that must be kept."""


class FvaRequest(MetabolicRequest):
    """Flux variability analysis: the least and greatest flux of each reaction near the optimum."""

    title: ClassVar[str] = "flux variability analysis"
    kisao: ClassVar[str | None] = "KISAO:0000526"

    process_code: Literal["metabolic_fva", "flux_variability_analysis"] = "metabolic_fva"
    reactions: list[Identifier] | None = None
    """The reactions to look at; all where absent."""
    fraction_of_optimum: Fraction = 1.0
    """The share of the best objective that must be kept."""


class LooplessFbaRequest(FluxRequest):
    """Loopless FBA: fluxes with the best objective and without internal cycles.

    `cycle_free_flux` (Desouki et al. 2015) takes the cycles out of the FBA solution: exchanges, signs and
    objective stay. `exact` (Schellenberger et al. 2011) looks for the best objective among all fluxes that
    obey the loop law, a mixed-integer program.
    """

    title: ClassVar[str] = "loopless flux balance analysis"

    process_code: Literal["metabolic_loopless_fba"] = "metabolic_loopless_fba"
    method: Literal["cycle_free_flux", "exact"] = "cycle_free_flux"
    """How cycles are kept out."""


class LooplessFvaRequest(MetabolicRequest):
    """Loopless FVA: the least and greatest flux of each reaction among fluxes without internal cycles.

    Exact: a mixed-integer program for each extreme that a cycle could reach, a linear one for the others.
    """

    title: ClassVar[str] = "loopless flux variability analysis"

    process_code: Literal["metabolic_loopless_fva"] = "metabolic_loopless_fva"
    reactions: list[Identifier] | None = None
    """The reactions to look at; all where absent."""
    fraction_of_optimum: Fraction = 1.0
    """The share of the best objective (of loopless fluxes) that must be kept."""


class LexicographicFbaRequest(FluxRequest):
    """Lexicographic FBA: one flux distribution that is unique by its definition.

    Each criterion decides among what those before it leave open: the best objective, then the least total
    flux, then the least flux of each reaction of `order`, then of every other reaction in the model's order.
    """

    title: ClassVar[str] = "lexicographic flux balance analysis"

    process_code: Literal["metabolic_lexicographic_fba"] = "metabolic_lexicographic_fba"
    order: list[Identifier] = Field(default_factory=list)
    """Reactions that are decided first, in this order."""


class FluxRange(Message):
    """One row of a flux variability analysis; COBRApy's column names."""

    minimum: Flux | None
    """Null where nothing limits the flux."""
    maximum: Flux | None


class Uniqueness(Message):
    """What the optimum determines: a flux is undetermined where optimal distributions differ in it."""

    unique: bool
    """Whether there is exactly one optimal flux distribution."""
    degrees_of_freedom: int
    """Dimension of the set of optimal flux distributions."""
    undetermined: list[str]
    """The reactions whose flux differs between optimal distributions."""
