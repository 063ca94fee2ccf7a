"""How a cell adjusts to a knock-out: the fluxes nearest to those before it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.metabolic.flux import FluxRequest
from bioxen.protocol.units import Flux, GivenFlux, Identifier


class AdjustmentRequest(FluxRequest):
    """What MOMA and ROOM share: the fluxes before the change."""

    reference: dict[Identifier, GivenFlux] | None = None
    """Reaction id → flux before the change, mmol/gDW/h; a reaction not named is not compared.

    Where absent: parsimonious FBA of the same request without its knock-outs.
    """


class MomaRequest(AdjustmentRequest):
    """Quadratic MOMA: the fluxes at the least Euclidean distance from the reference (Segrè et al. 2002)."""

    title: ClassVar[str] = "minimization of metabolic adjustment (quadratic)"
    kisao: ClassVar[str | None] = "KISAO:0000576"

    process_code: Literal["metabolic_moma", "metabolic_quadratic_moma"] = "metabolic_moma"


class LinearMomaRequest(AdjustmentRequest):
    """Linear MOMA: the fluxes at the least sum of absolute differences from the reference."""

    title: ClassVar[str] = "minimization of metabolic adjustment (linear)"
    kisao: ClassVar[str | None] = "KISAO:0000579"

    process_code: Literal["metabolic_linear_moma"] = "metabolic_linear_moma"


class RoomRequest(AdjustmentRequest):
    """ROOM: the fluxes with the fewest significant changes from the reference (Shlomi et al. 2005).

    A change is significant where the flux leaves w ± (delta·|w| + epsilon). `relaxed` counts shares of a
    change, 0 to 1, with delta = epsilon = 0: a linear program, COBRApy's `linear=True`. Where the search for
    the fewest ends without proof, the status is `feasible`; the certificate's gap says how many may be saved.
    """

    title: ClassVar[str] = "regulatory on/off minimization"
    kisao: ClassVar[str | None] = "KISAO:0000580"

    process_code: Literal["metabolic_room"] = "metabolic_room"
    relaxed: bool = False
    """Whether to solve the linear relaxation."""
    delta: Annotated[float, Field(ge=0, le=10)] = 0.03
    """Relative tolerance of a flux."""
    epsilon: Annotated[float, Field(ge=0, le=1000, json_schema_extra={"x-unit": "mmol/gDW/h"})] = 0.001
    """Absolute tolerance of a flux, mmol/gDW/h."""


class Adjustment(Message):
    """How far the adjusted fluxes are from the reference."""

    measure: Literal["euclidean", "manhattan", "changed_fluxes", "relaxed_changed_fluxes"]
    """What `distance` is."""
    distance: float
    """The least distance: √Σ(v−w)², Σ|v−w|, or the (relaxed) number of significant changes."""
    reference: dict[str, Flux]
    """The reference fluxes that were compared with."""
    changed: list[str] | None = None
    """ROOM: the reactions whose flux changed significantly."""
