"""Local sensitivities."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.request import TimedRequest, Tolerance
from bioxen.protocol.units import Identifier


class SensitivityRequest(TimedRequest):
    """Local sensitivities of the outputs at `time_end` to the parameters."""

    title: ClassVar[str] = "local sensitivity analysis"

    process_code: Literal["kinetic_sensitivity", "sensitivity_analysis"] = "kinetic_sensitivity"
    sensitivity_parameters: list[Identifier] | None = None
    """Parameters, compartments, initial values (`S`, `[S]`) to vary; every global parameter where absent."""
    method: Literal["finite_differences", "forward"] = "finite_differences"
    """Central differences, or the forward sensitivity equations, which take no step and so lose no digits.
    A model with events or rates that jump has no such equations here; one of them that ends in no number, or
    fails the audit by libRoadRunner, is replaced by differences, and the provenance says so."""
    relative_step: Annotated[float, Field(ge=1e-8, le=0.1)] = 1e-3
    """Half-width of the central difference as a share of the parameter's value, or 1 where that is 0: a value
    that is tiny beside what would change the outputs has a difference of mere rounding."""
    relative_tolerance: Tolerance = 1e-10
    absolute_tolerance: Tolerance = 1e-14


class Sensitivity(Message):
    """d(output at time_end)/d(parameter)."""

    output: str
    parameter: str
    unscaled: float
    """The derivative itself."""
    scaled: float | None
    """(p/y)·dy/dp; null where y is 0."""
