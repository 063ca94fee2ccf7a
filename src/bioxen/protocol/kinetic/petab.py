"""Estimation problems in the PEtab exchange format (version 1)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.members import MembersEngine
from bioxen.protocol.kinetic.request import KineticRequest, Seed, Tolerance
from bioxen.protocol.units import Identifier, ModelTime

TableText = Annotated[str, Field(min_length=1, max_length=50_000_000)]


class PetabRequest(KineticRequest):
    """A PEtab problem: its objective at given parameters, or its fit. The model is `kinetic_code`.

    `bioxen.server.petab.read` makes this request from the problem's YAML file.
    """

    title: ClassVar[str] = "PEtab problem"
    kisao: ClassVar[str | None] = "KISAO:0000471"

    process_code: Literal["kinetic_petab"] = "kinetic_petab"
    parameter_table: TableText
    """The text of the parameter table (TSV), as of the following."""
    condition_table: TableText
    measurement_table: TableText
    observable_table: TableText
    values: dict[Identifier, float] = Field(default_factory=dict)
    """Parameter id → value on the linear scale; the table's nominal value where absent."""
    fit: bool = False
    """Whether to estimate what the table says is estimated; else the objective alone is computed."""
    starts: Annotated[int, Field(ge=1, le=1000)] = 1
    """Number of starting points of a fit; the first is that of `values`, the others are drawn."""
    seed: Seed = 0
    engine: MembersEngine = "auto"
    """What simulates a fit, as in a parameter estimation."""
    relative_tolerance: Tolerance = 1e-9
    absolute_tolerance: Tolerance = 1e-12


class PetabFit(Message):
    """A PEtab problem at a point."""

    log_likelihood: float
    chi_squared: float
    """Sum of the squared normalised residuals."""
    measurements: int
    parameters: dict[str, float]
    """Parameter id → value on the linear scale."""
    observable: list[str]
    """The rows of the measurement table, in its order: which observable,"""
    condition: list[str]
    """which simulation condition,"""
    time: list[ModelTime]
    """when,"""
    measured: list[float]
    """what was measured,"""
    simulated: list[float]
    """and what the model says."""
    start_log_likelihoods: list[float | None] | None = None
    """What each start of a fit reached; null where it failed."""
