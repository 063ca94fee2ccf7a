"""Messages of the static metabolic service: constraint-based analyses in COBRApy's terms.

Fluxes are in mmol/gDW/h, growth rates in 1/h. A request changes a model for itself alone.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import MappingMessage, Message
from bioxen.protocol.provenance import Provenance
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.units import Bounds, Flux, Fraction, Identifier, ModelText, Uptake

MetabolicStatus = Literal["optimal", "infeasible", "unbounded", "numeric"]


class MetabolicRequest(ComputeRequest):
    """What every metabolic analysis can be given: a model and the changes to it."""

    sbml: ModelText | None = None
    """The model itself as SBML text, instead of `model`."""
    cobra_json: ModelText | None = None
    """The model itself as COBRA JSON text, instead of `model`."""
    objective: Identifier | dict[Identifier, float] | None = None
    """A reaction's id, or reaction ids with their coefficients; the model's own objective where absent."""
    objective_direction: Literal["max", "min"] | None = None
    """Whether to maximise or minimise; the model's own direction where absent."""
    constraints: dict[Identifier, Bounds] = Field(default_factory=dict)
    """Reaction id → [lower, upper], mmol/gDW/h."""
    medium: dict[Identifier, Uptake] | None = None
    """Exchange id → largest uptake, mmol/gDW/h; every exchange not named is closed for uptake."""
    gene_knockouts: list[Identifier] = Field(default_factory=list)
    """Genes without a product; a reaction whose gene rule is then false carries no flux."""
    reaction_knockouts: list[Identifier] = Field(default_factory=list)
    """Reactions that carry no flux."""

    @model_validator(mode="after")
    def _one_model(self) -> MetabolicRequest:
        given = [name for name in ("model", "sbml", "cobra_json") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of model, sbml and cobra_json, not {' and '.join(given)}")
        return self


class FbaRequest(MetabolicRequest):
    """Flux balance analysis: a flux distribution with the best objective."""

    title: ClassVar[str] = "flux balance analysis"
    kisao: ClassVar[str | None] = "KISAO:0000437"

    process_code: Literal[
        "metabolic_fba", "flux_balance_analysis", "metabolic_fba_optimization", "metabolic_optimization"
    ] = "metabolic_fba"


class PfbaRequest(MetabolicRequest):
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


class GeneDeletionRequest(MetabolicRequest):
    """Single gene deletions: the best objective without each gene, one after another."""

    title: ClassVar[str] = "single gene deletion"

    process_code: Literal["metabolic_single_gene_deletion", "metabolic_gene_knockout"] = (
        "metabolic_single_gene_deletion"
    )
    genes: list[Identifier] | None = None
    """The genes to delete; all where absent."""


class ReactionDeletionRequest(MetabolicRequest):
    """Single reaction deletions: the best objective without each reaction, one after another."""

    title: ClassVar[str] = "single reaction deletion"

    process_code: Literal["metabolic_single_reaction_deletion", "metabolic_reaction_knockout"] = (
        "metabolic_single_reaction_deletion"
    )
    reactions: list[Identifier] | None = None
    """The reactions to delete; all where absent."""


class DynamicFbaRequest(MetabolicRequest):
    """Dynamic FBA, static optimisation approach: growth in a batch culture that uses up its medium.

    In each step FBA gives growth and exchange fluxes at the present concentrations (uptake limited by
    Michaelis–Menten kinetics and by what is left), and biomass and concentrations move on by them.
    The simulation ends early, and says so, where FBA becomes infeasible.
    """

    title: ClassVar[str] = "dynamic flux balance analysis (static optimisation approach)"
    kisao: ClassVar[str | None] = "KISAO:0000499"

    process_code: Literal["metabolic_dfba", "metabolic_simulation"] = "metabolic_dfba"
    initial_biomass: Annotated[float, Field(gt=0, json_schema_extra={"x-unit": "gDW/L"})] = 0.01
    """Biomass at the start, gDW/L."""
    initial_concentrations: dict[Identifier, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: {"EX_glc__D_e": 10.0}
    )
    """Exchange id → concentration in the medium at the start, mmol/L; others do not run out."""
    half_saturation: Annotated[float, Field(gt=0, json_schema_extra={"x-unit": "mmol/L"})] = 0.015
    """Michaelis constant of uptake, mmol/L, for every tracked exchange."""
    time_end: Annotated[float, Field(gt=0, le=1000, json_schema_extra={"x-unit": "h"})] = 10.0
    """Length of the simulation, h."""
    time_points: Annotated[int, Field(ge=2, le=10_001)] = 101
    """Number of points reported, the start included; one FBA is solved in each interval."""


AnyMetabolicRequest = Annotated[
    FbaRequest | PfbaRequest | FvaRequest | GeneDeletionRequest | ReactionDeletionRequest | DynamicFbaRequest,
    Field(discriminator="process_code"),
]
"""Any metabolic request; `process_code` tells which."""


class Certificate(Message):
    """How far an answer is from proof, in the numbers that prove it."""

    residual: float
    """max |S·v|, mmol/gDW/h: how far from steady state."""
    bound_violation: float
    """The largest excess of a flux over its bounds, mmol/gDW/h."""
    duality_gap: float | None
    """|primal − dual objective|; null where the answer is no linear program's."""


class FluxRange(Message):
    """One row of a flux variability analysis; COBRApy's column names."""

    minimum: Flux | None
    """Null where nothing limits the flux."""
    maximum: Flux | None


class Deletion(Message):
    """One row of a deletion study; COBRApy's column names."""

    ids: list[str]
    """What was deleted."""
    growth: Flux | None
    """The best objective without it; null unless `status` is optimal."""
    status: MetabolicStatus


class DynamicFba(Message):
    """A batch culture over time."""

    time: list[float] = Field(json_schema_extra={"x-unit": "h"})
    """Points in time, h."""
    biomass: list[float] = Field(json_schema_extra={"x-unit": "gDW/L"})
    """Biomass at each point, gDW/L."""
    concentrations: dict[str, list[float]]
    """Exchange id → concentration at each point, mmol/L."""
    growth_rate: list[float | None]
    """Growth rate at each point, 1/h; null where FBA had no solution."""
    ended: Literal["time_end", "infeasible"]
    """Why the simulation ended."""


class MetabolicResult(MappingMessage):
    """What the metabolic service answers. No number is given for a problem that has no solution."""

    computation_type: Literal["static_metabolic"] = "static_metabolic"
    computation_service: Literal["centralized_cobrapy"] = "centralized_cobrapy"
    execution_result: Literal["computed_state"] = "computed_state"
    process_code: str
    """The code as it was asked."""
    vm_id: str | None = None
    status: MetabolicStatus
    """`numeric` means that the solver found no answer that it can prove."""
    message: str
    """One sentence on the outcome; for anything but `optimal` it says what to try."""
    objective: dict[str, float]
    """The objective that was used: reaction id → coefficient."""
    objective_direction: Literal["max", "min"]
    optimal_objective: float | None = Field(json_schema_extra={"x-unit": "objective unit"})
    """The objective's value, 1/h for a biomass objective; null unless `status` is optimal."""
    flux_state: dict[str, Flux] | None = None
    """Reaction id → flux; null unless `status` is optimal and the analysis gives one flux distribution."""
    flux_ranges: dict[str, FluxRange] | None = None
    """Flux variability: reaction id → range."""
    deletions: list[Deletion] | None = None
    """Deletion studies: one row a deletion."""
    dynamics: DynamicFba | None = None
    """Dynamic FBA."""
    certificate: Certificate | None = None
    """The proof of an optimal answer."""
    model_key: str
    """Digest of the model that was used: the key of its warm copy in the workers."""
    provenance: Provenance
