"""Many variants of one problem in one request: columns come back, not a million objects."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.metabolic.analyses import Analysis
from bioxen.protocol.metabolic.outcome import Outcome
from bioxen.protocol.metabolic.request import MetabolicRequest, MetabolicStatus
from bioxen.protocol.units import Bounds, Flux, Identifier, Objective, Uptake

MAX_VARIANTS = 1_000_000


class Variant(Message):
    """How one variant differs from the request's own problem; its changes come on top of the request's."""

    gene_knockouts: list[Identifier] = Field(default_factory=list)
    """Genes without a product, beside those of the request."""
    reaction_knockouts: list[Identifier] = Field(default_factory=list)
    """Reactions that carry no flux, beside those of the request."""
    medium: dict[Identifier, Uptake] | None = None
    """Exchange id → largest uptake, mmol/gDW/h; the request's medium where absent."""
    constraints: dict[Identifier, Bounds] = Field(default_factory=dict)
    """Reaction id → [lower, upper], mmol/gDW/h; they win over the request's."""
    objective: Objective | None = None
    """The request's objective where absent."""
    objective_direction: Literal["max", "min"] | None = None


class BatchRequest(MetabolicRequest):
    """One analysis of many variants, flux balance analysis where none is named.

    Each is solved as if it were asked for alone. A large batch is cut into shards that run on all workers.
    `deadline` holds for all of them together.
    """

    title: ClassVar[str] = "one analysis of many variants"
    kisao: ClassVar[str | None] = "KISAO:0000437"

    process_code: Literal["metabolic_batch", "metabolic_fba_batch"]
    variants: Annotated[list[Variant], Field(min_length=1, max_length=MAX_VARIANTS)]
    analysis: Annotated[Analysis, Field(discriminator="process_code")] | None = None
    """The analysis and its own fields; model, medium and all else that analyses share stand beside it."""
    report: Literal["objective", "fluxes", "results"] | None = None
    """`objective`: status and objective of each variant; `fluxes`: a flux distribution of each as well;
    `results`: everything the analysis found for each. Where absent, `results` if `analysis` is there."""
    reactions: list[Identifier] | None = None
    """The reactions whose fluxes are reported; all where absent."""

    @property
    def told(self) -> Literal["objective", "fluxes", "results"]:
        """What is reported."""
        return self.report or ("objective" if self.analysis is None else "results")

    @model_validator(mode="after")
    def _shared_fields_stand_beside(self) -> BatchRequest:
        for name, field in MetabolicRequest.model_fields.items():
            if getattr(self.analysis, name, None) not in (None, field.get_default(call_default_factory=True)):
                raise mistake_at(f"analysis.{name}", f"give {name} beside analysis, not inside it")
        return self


class BatchColumns(Message):
    """The outcomes of a batch, one entry a variant in the order of the request."""

    status: list[MetabolicStatus]
    objective: list[Flux | None]
    """Null unless that variant's status is optimal."""
    fluxes: dict[str, list[Flux | None]] | None = None
    """Reaction id → one flux a variant; null unless fluxes were asked for."""
    results: list[Outcome] | None = None
    """Everything that was found for each variant; null unless it was asked for."""
