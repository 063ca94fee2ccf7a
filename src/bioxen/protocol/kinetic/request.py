"""What kinetic requests have in common."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from bioxen.protocol.base import mistake_at
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.units import Identifier, ModelText, ModelTime, Quantity

MAX_POINTS = 1_000_001
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Tolerance = Annotated[float, Field(gt=0, le=0.1)]

KineticStatus = Literal["completed", "failed"]


class KineticRequest(ComputeRequest):
    """What every kinetic analysis can be given: a model and the changes to it."""

    kinetic_code: ModelText | None = None
    """The model itself, Antimony or SBML text.

    Where neither this nor `model` is given, the chassis' default program runs.
    """
    initial_conditions: dict[Identifier, Quantity] = Field(default_factory=dict)
    """`S` (amount) or `[S]` (concentration) → value at the start."""
    parameters: dict[Identifier, Quantity] = Field(default_factory=dict)
    """Parameter or compartment id → value."""
    outputs: Annotated[list[Identifier], Field(min_length=1)] | None = None
    """Selections to report: `S`, `[S]`, a reaction or parameter; every floating species where absent."""

    @model_validator(mode="after")
    def _one_model(self) -> KineticRequest:
        if self.model is not None and self.kinetic_code is not None:
            raise mistake_at("kinetic_code", "give one of model and kinetic_code, not both")
        return self


class TimedRequest(KineticRequest):
    """A request over a span of model time."""

    time_start: ModelTime = 0.0
    """The time at which the initial state holds (libRoadRunner's `simulate(start, …)`)."""
    time_end: Annotated[ModelTime, Field(validate_default=True)] = 100.0
    time_points: Annotated[int, Field(ge=2, le=MAX_POINTS)] = 101
    """Number of points reported, both ends included (points, not steps)."""

    @field_validator("time_end")
    @classmethod
    def _forward(cls, time_end: float, info: ValidationInfo) -> float:
        start = info.data.get("time_start", -math.inf)  # not there where it was itself refused
        if time_end <= start:
            raise ValueError(f"{time_end:g} is not after time_start {start:g}")
        return time_end
