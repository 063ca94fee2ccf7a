"""Oscillations: period, amplitude, phase and damping of time courses."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.request import MAX_POINTS, TimedRequest, Tolerance
from bioxen.protocol.units import ModelTime, Quantity

OscillationKind = Literal["sustained", "damped", "growing", "irregular", "none", "undefined"]


class OscillationRequest(TimedRequest):
    """Whether and how the outputs oscillate between `transient` and `time_end`."""

    title: ClassVar[str] = "oscillation features"

    process_code: Literal["kinetic_oscillation", "oscillation_analysis"] = "kinetic_oscillation"
    time_end: ModelTime = 1000.0
    time_points: Annotated[int, Field(ge=200, le=MAX_POINTS)] = 2001
    """Points of the first look; where they are fewer than 100 a period, the model runs again with more."""
    transient: ModelTime | None = None
    """Time before which nothing counts; the middle of the span where absent."""
    relative_tolerance: Tolerance = 1e-9
    absolute_tolerance: Tolerance = 1e-12

    @model_validator(mode="after")
    def _inside(self) -> OscillationRequest:
        if self.transient is not None and not self.time_start <= self.transient < self.time_end:
            raise mistake_at(
                "transient",
                f"transient {self.transient:g} is not in [{self.time_start:g}, {self.time_end:g})",
            )
        return self


class Oscillation(Message):
    """One output."""

    output: str
    kind: OscillationKind
    """`irregular` swings without a period that repeats; `none` does not swing, or fewer than three times;
    `undefined` is no finite number somewhere."""
    period: ModelTime | None = None
    """Mean time from peak to peak; null for `irregular` and `none`."""
    period_deviation: ModelTime | None = None
    """Standard deviation of the times from peak to peak."""
    amplitude: Quantity | None = None
    """Half the distance from the deepest to the highest point of the last period."""
    minimum: Quantity | None = None
    maximum: Quantity | None = None
    """Of the last period."""
    phase: float | None = None
    """Time from the first output's first peak to this one's as a share of the period, in [0, 1)."""
    damping: float | None = None
    """ln of the ratio of one swing to the next, a period later: positive where it dies away."""
    cycles: int = 0
    """Periods that were seen."""
