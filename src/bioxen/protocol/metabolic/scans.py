"""The objective as other fluxes are set: production envelopes, phase planes, robustness."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.units import Bounds, Flux, Identifier

MAX_GRID = 10_000
"""Most points of a grid; two linear programs are solved at each."""

Points = Annotated[int, Field(ge=2, le=1000)]
"""Points along one axis, the ends included."""


class ProductionEnvelopeRequest(MetabolicRequest):
    """Production envelope: the range of the objective over a grid of other fluxes, with its yields."""

    title: ClassVar[str] = "production envelope"

    process_code: Literal["metabolic_production_envelope"] = "metabolic_production_envelope"
    reactions: Annotated[list[Identifier], Field(min_length=1, max_length=3)]
    """The reactions whose fluxes span the grid, each over its attainable range."""
    points: Points = 20
    """Points along each axis."""
    carbon_sources: list[Identifier] | None = None
    """Exchanges that yields are relative to; those that bring in carbon at the optimum where absent."""

    @model_validator(mode="after")
    def _bounded_grid(self) -> ProductionEnvelopeRequest:
        _check_grid(self.points ** len(self.reactions))
        return self


class PhasePlaneRequest(MetabolicRequest):
    """Phenotype phase plane: the best objective over two fluxes, and its phases of equal slopes."""

    title: ClassVar[str] = "phenotype phase plane"

    process_code: Literal["metabolic_phase_plane", "metabolic_phenotype_phase_plane"] = (
        "metabolic_phase_plane"
    )
    reactions: Annotated[list[Identifier], Field(min_length=2, max_length=2)]
    """The two reactions, each over its attainable range."""
    points: Points = 20
    """Points along each axis."""

    @model_validator(mode="after")
    def _bounded_grid(self) -> PhasePlaneRequest:
        _check_grid(self.points**2)
        return self


class RobustnessRequest(MetabolicRequest):
    """Robustness: the best objective as one flux is fixed at each of several values."""

    title: ClassVar[str] = "robustness analysis"

    process_code: Literal["metabolic_robustness"] = "metabolic_robustness"
    reaction: Identifier
    """The reaction whose flux is fixed."""
    range: Bounds | None = None
    """The fluxes to go through, mmol/gDW/h; a null end, or an absent range, is the attainable one."""
    points: Annotated[int, Field(ge=2, le=MAX_GRID)] = 20
    """Number of fluxes, the ends included."""


def _check_grid(size: int) -> None:
    if size > MAX_GRID:
        raise mistake_at(
            "points", f"the grid has {size:,} points; at most {MAX_GRID:,} are computed: take fewer points"
        )


class Envelope(Message):
    """A production envelope; COBRApy's column names. Each list has one entry for each point of the grid."""

    carbon_sources: list[str]
    """The exchanges that yields are relative to."""
    fluxes: dict[str, list[Flux]]
    """Reaction id → its flux at each point."""
    flux_minimum: list[Flux | None]
    """The least objective; null where the point is infeasible."""
    flux_maximum: list[Flux | None]
    carbon_yield_minimum: list[float | None]
    """Carbon in the product per carbon taken up, at the least objective; null where it is not defined."""
    carbon_yield_maximum: list[float | None]
    mass_yield_minimum: list[float | None]
    """Gram of product per gram of source; null where a formula is not known, or more than one is involved."""
    mass_yield_maximum: list[float | None]


class PhasePlane(Message):
    """A phenotype phase plane; matrices have a row for each flux of `x` and a column for each of `y`."""

    x: str
    """The first reaction."""
    y: str
    """The second reaction."""
    x_fluxes: list[Flux]
    y_fluxes: list[Flux]
    objective: list[list[Flux | None]]
    """The best objective; null where the point is infeasible."""
    slope_x: list[list[float | None]]
    """Change of the objective with the flux of `x`, that of `y` kept; one-sided where a phase ends."""
    slope_y: list[list[float | None]]
    phase: list[list[int | None]]
    """Number of the phase: points of equal slopes. 0 is the first that was met."""


class Robustness(Message):
    """The best objective over the flux of one reaction."""

    reaction: str
    fluxes: list[Flux]
    """The fluxes at which the reaction was fixed."""
    objective: list[Flux | None]
    """The best objective at each; null where it is infeasible."""
