"""A table of numbers with named columns."""

from __future__ import annotations

from dataclasses import dataclass, field

Cell = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns with names, as COBRApy and Tellurium name them."""

    columns: list[str]
    rows: list[list[Cell]]
    units: dict[str, str] = field(default_factory=dict)
    """Name of an output → its unit, where the model declares one."""
