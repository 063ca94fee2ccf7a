"""Continuation of a steady state over a parameter: branches, their stability, folds and Hopf points."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.limits import check_range
from bioxen.protocol.kinetic.request import KineticRequest
from bioxen.protocol.units import Identifier, Quantity

Ended = Literal["range", "points", "negative", "unbounded", "stuck", "closed"]
SpecialKind = Literal["fold", "hopf", "branch_point"]


class ContinuationRequest(KineticRequest):
    """Follow the steady state that the model settles to while one parameter moves, around folds as well."""

    title: ClassVar[str] = "steady-state continuation (pseudo-arclength)"

    process_code: Literal["kinetic_continuation", "bifurcation_analysis"] = "kinetic_continuation"
    parameter: Identifier
    """The global parameter that moves; the branch begins at its value in the request or the model."""
    lower: Quantity
    upper: Quantity
    scale: Literal["linear", "log"] = "linear"
    """Whether steps are measured along the parameter or its logarithm."""
    max_points: Annotated[int, Field(ge=2, le=20_000)] = 1000
    """Points computed in each direction at most."""
    largest_step: Annotated[float, Field(ge=1e-4, le=0.5)] = 0.05
    """Longest step as a share of the range, or of a variable's own size."""

    @model_validator(mode="after")
    def _ordered(self) -> ContinuationRequest:
        check_range(self.lower, self.upper, self.scale)
        return self


class SpecialPoint(Message):
    """Where the branch turns or changes its stability."""

    kind: SpecialKind
    """`fold`: the branch turns back; `hopf`: a complex pair crosses the imaginary axis and an oscillation is
    born; `branch_point`: a real eigenvalue crosses zero without a turn, so another branch crosses."""
    after_point: int
    """Index of the branch's point before it."""
    parameter: float
    state: dict[str, float | None]
    """Selection → value."""
    period: float | None = None
    """At a Hopf point, 2π over the imaginary part, model time."""


class Branch(Message):
    """One branch of steady states, point by point along its arc."""

    parameter: str
    parameter_values: list[float]
    states: dict[str, list[float | None]]
    """Selection → value at each point."""
    stable: list[bool | None]
    """Null where an eigenvalue is zero within rounding."""
    rightmost_real: list[float | None]
    """Real part of the rightmost eigenvalue, 1/model time; null in a model without free variables."""
    rightmost_imaginary: list[float | None]
    start: int
    """Index of the point the continuation began at."""
    special_points: list[SpecialPoint]
    ended: tuple[Ended, Ended]
    """Why it ended at its first and its last point: `range` the end of the range, `points` max_points,
    `negative` a species falls below zero, `unbounded` the state grows without limit while the parameter
    hardly moves, as towards a pole, `stuck` no further point was found, `closed` it came back."""
