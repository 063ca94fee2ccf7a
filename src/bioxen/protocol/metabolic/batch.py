"""Many variants of one problem in one request: columns come back, not a million objects."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.metabolic.request import MetabolicRequest, MetabolicStatus
from bioxen.protocol.units import Bounds, Flux, Identifier, Uptake

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
    objective: Identifier | dict[Identifier, float] | None = None
    """The request's objective where absent."""
    objective_direction: Literal["max", "min"] | None = None


class BatchRequest(MetabolicRequest):
    """Flux balance analysis of many variants; each is solved as if it were asked for alone.

    A large batch is cut into shards that run on all workers. `deadline` holds for each shard.
    """

    title: ClassVar[str] = "flux balance analysis of many variants"
    kisao: ClassVar[str | None] = "KISAO:0000437"

    process_code: Literal["metabolic_batch", "metabolic_fba_batch"]
    variants: Annotated[list[Variant], Field(min_length=1, max_length=MAX_VARIANTS)]
    report: Literal["objective", "fluxes"] = "objective"
    """`fluxes` reports a flux distribution for each variant beside its objective."""
    reactions: list[Identifier] | None = None
    """The reactions whose fluxes are reported; all where absent."""


class BatchColumns(Message):
    """The outcomes of a batch, one entry a variant in the order of the request."""

    status: list[MetabolicStatus]
    objective: list[Flux | None]
    """Null unless that variant's status is optimal."""
    fluxes: dict[str, list[Flux | None]] | None = None
    """Reaction id → one flux a variant; null where only objectives were asked for."""
