"""Parameter scans over a grid of one or more dimensions."""

from __future__ import annotations

from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from bioxen.protocol.base import Message, mistake_at
from bioxen.protocol.kinetic.limits import check_order
from bioxen.protocol.kinetic.sampled import SampledRequest
from bioxen.protocol.units import Identifier, Quantity


class Axis(Message):
    """The values along one dimension: an even grid, or a list."""

    lower: Quantity | None = None
    upper: Quantity | None = None
    points: Annotated[int, Field(ge=2, le=100_000)] | None = None
    spacing: Literal["linear", "log"] = "linear"
    values: Annotated[list[Quantity], Field(min_length=1, max_length=100_000)] | None = None
    """The values themselves, in place of a grid."""

    @model_validator(mode="after")
    def _one_form(self) -> Axis:
        grid = (self.lower, self.upper, self.points)
        if self.values is not None:
            if any(part is not None for part in grid):
                raise mistake_at("values", "give either values, or lower, upper and points")
        elif self.lower is None or self.upper is None or self.points is None:
            raise mistake_at(self._missing, "give values, or all of lower, upper and points")
        else:
            check_order(self.lower, self.upper)
            if self.spacing == "log" and self.lower <= 0:
                raise mistake_at("lower", f"a logarithmic axis begins above 0, not at {self.lower:g}")
        return self

    @property
    def _missing(self) -> str:
        """The first part of the grid that is not given."""
        return next(name for name in ("lower", "upper", "points") if getattr(self, name) is None)

    @property
    def size(self) -> int:
        """The number of values."""
        return len(self.values) if self.values is not None else self.points or 0


class ScanRequest(SampledRequest):
    """A scan: one member at every point of a grid; the last axis varies fastest."""

    title: ClassVar[str] = "parameter scan"
    counted_by: ClassVar[str] = "axes"

    process_code: Literal["kinetic_scan", "parameter_scan"] = "kinetic_scan"
    axes: Annotated[dict[Identifier, Axis], Field(min_length=1, max_length=10)]
    """Parameter or initial value (`S`, `[S]`) → where it is looked at."""

    @property
    def member_count(self) -> int:
        """The number of grid points."""
        return prod(axis.size for axis in self.axes.values())
