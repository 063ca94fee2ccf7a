"""What a network cannot do, and what would let it: blocked reactions, gap filling."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.units import Flux, Identifier, ModelText


class BlockedReactionsRequest(MetabolicRequest):
    """Blocked reactions: those that carry no flux in any steady state between the bounds."""

    title: ClassVar[str] = "blocked reactions"

    process_code: Literal["metabolic_blocked_reactions"] = "metabolic_blocked_reactions"
    reactions: list[Identifier] | None = None
    """The reactions to look at; all where absent."""
    open_exchanges: bool = False
    """Whether to open every exchange to at least ±1000 mmol/gDW/h first, as COBRApy does."""
    cutoff: Annotated[float, Field(gt=0, le=1e-3, json_schema_extra={"x-unit": "mmol/gDW/h"})] = 1e-7
    """A flux of at most this size counts as none, mmol/gDW/h."""


class GapFillingRequest(MetabolicRequest):
    """Gap filling: the cheapest reactions of a universal model that let the objective be reached.

    COBRApy's own `gapfill`, solved by GLPK; each proposal is then checked by this service's own solver.
    """

    title: ClassVar[str] = "gap filling"

    process_code: Literal["metabolic_gap_filling", "metabolic_gapfill"] = "metabolic_gap_filling"
    universal_sbml: ModelText | None = None
    """The universal model as SBML text."""
    universal_cobra_json: ModelText | None = None
    """The universal model as COBRA JSON text, instead of `universal_sbml`."""
    min_objective_value: Annotated[float, Field(gt=0, json_schema_extra={"x-unit": "objective unit"})] = 0.05
    """The objective that must be reached, 1/h for a biomass objective."""
    penalties: dict[Identifier, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Cost of `universal`, `exchange` and `demand` reactions (1, 100, 1), or of a reaction by its id."""
    demand_reactions: bool = True
    """Whether a demand may be added for any metabolite."""
    exchange_reactions: bool = False
    """Whether an exchange may be added for any metabolite."""
    iterations: Annotated[int, Field(ge=1, le=10)] = 1
    """How many proposals to look for."""

    @model_validator(mode="after")
    def _one_universal(self) -> GapFillingRequest:
        if self.universal_sbml is not None and self.universal_cobra_json is not None:
            raise mistake_at("universal_cobra_json", "give one of universal_sbml and universal_cobra_json")
        return self


class GapFill(Message):
    """One proposal of gap filling."""

    reactions: list[str]
    """The reactions to add, with their ids in the universal model."""
    objective: Flux
    """The best objective with them."""
