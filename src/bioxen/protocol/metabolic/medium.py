"""The least that a cell needs from its medium."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.units import LARGEST_FLUX, Flux, Identifier

Opening = Annotated[float, Field(gt=0, le=LARGEST_FLUX, json_schema_extra={"x-unit": "mmol/gDW/h"})]
"""The flux to which every exchange is opened, mmol/gDW/h."""


class MinimalMediumRequest(MetabolicRequest):
    """Minimal medium: the least uptake, or the fewest nutrients, that allow an objective."""

    title: ClassVar[str] = "minimal medium"

    process_code: Literal["metabolic_minimal_medium"] = "metabolic_minimal_medium"
    min_objective_value: Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "objective unit"})] = 0.1
    """The objective that must be reached, 1/h for a biomass objective."""
    minimize: Literal["amounts", "components"] = "amounts"
    """The total uptake (a linear program), or the number of nutrients (a mixed-integer program)."""
    alternatives: Annotated[int, Field(ge=1, le=20)] = 1
    """`components`: how many media of the same least number of nutrients to look for."""
    exports: bool = False
    """Whether to give what is secreted too, as negative numbers."""
    open_exchanges: Opening | None = None
    """Open every exchange to this flux in both directions first; the request's own bounds where absent."""


class Medium(Message):
    """One minimal medium."""

    components: int
    """Number of nutrients."""
    total_uptake: Flux
    """Sum of the uptakes."""
    uptake: dict[Identifier, Flux]
    """Exchange id → uptake; negative where it is secreted."""
