"""A table of numbers with named columns."""

from __future__ import annotations

from dataclasses import dataclass

Cell = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns with names, as COBRApy and Tellurium name them."""

    columns: list[str]
    rows: list[list[Cell]]
