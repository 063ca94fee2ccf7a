"""Growth in a batch culture over time."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.units import Identifier


class DynamicFbaRequest(MetabolicRequest):
    """Dynamic FBA, static optimisation approach: growth in a batch culture that uses up its medium.

    In each step FBA gives growth and exchange fluxes at the present concentrations (uptake limited by
    Michaelis–Menten kinetics and by what is left), and biomass and concentrations move on by them.
    The simulation ends early, and says so, where FBA becomes infeasible.
    """

    title: ClassVar[str] = "dynamic flux balance analysis (static optimisation approach)"
    kisao: ClassVar[str | None] = "KISAO:0000500"

    process_code: Literal["metabolic_dfba", "metabolic_simulation"] = "metabolic_dfba"
    initial_biomass: Annotated[float, Field(gt=0, le=1e6, json_schema_extra={"x-unit": "gDW/L"})] = 0.01
    """Biomass at the start, gDW/L."""
    initial_concentrations: dict[Identifier, Annotated[float, Field(ge=0, le=1e6)]] = Field(
        default_factory=lambda: {"EX_glc__D_e": 10.0}
    )
    """Exchange id → concentration in the medium at the start, mmol/L; others do not run out."""
    half_saturation: Annotated[float, Field(gt=0, le=1e6, json_schema_extra={"x-unit": "mmol/L"})] = 0.015
    """Michaelis constant of uptake, mmol/L, for every tracked exchange."""
    lexicographic: bool = False
    """Whether fluxes of tracked exchanges are made unique: of all with the best growth those with the least
    uptake of the first tracked exchange, then of the second, and so on."""
    time_end: Annotated[float, Field(gt=0, le=1000, json_schema_extra={"x-unit": "h"})] = 10.0
    """Length of the simulation, h."""
    time_points: Annotated[int, Field(ge=2, le=10_001)] = 101
    """Number of points reported, the start included; one FBA is solved in each interval."""


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
