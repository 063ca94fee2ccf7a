"""The numbers of a result as rows: what `--csv` prints in full and the terminal in part."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bioxen.protocol.result import ProcessResult

Cell = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns with names, as COBRApy and Tellurium name them."""

    columns: list[str]
    rows: list[list[Cell]]


def rows_of(result: ProcessResult) -> Rows:
    """Return the main numbers of a result; where it has none, its outcome in one row."""
    service: Mapping[str, Any] = result.service_results or {}
    for field, make in _MAKERS.items():
        if not result.symbolic and service.get(field) is not None:
            return make(service)
    return Rows(
        ["status", "outcome"], [[str(service.get("status", result.status)), result.biological_output]]
    )


def to_csv(result: ProcessResult) -> str:
    """Return the numbers of a result as CSV with a header; floats in full precision."""
    rows = rows_of(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows.rows)
    return text.getvalue()


def _time_course(service: Mapping[str, Any]) -> Rows:
    trajectories: dict[str, list[Cell]] = service["species_trajectories"]
    columns = [service["time_vector"], *trajectories.values()]
    return Rows(["time", *trajectories], [list(row) for row in zip(*columns, strict=True)])


def _steady_state(service: Mapping[str, Any]) -> Rows:
    return Rows(["output", "value"], [[name, value] for name, value in service["final_state"].items()])


def _dynamics(service: Mapping[str, Any]) -> Rows:
    dynamics = service["dynamics"]
    concentrations: dict[str, list[Cell]] = dynamics["concentrations"]
    columns = [dynamics["time"], dynamics["biomass"], dynamics["growth_rate"], *concentrations.values()]
    names = ["time", "biomass", "growth_rate", *concentrations]
    return Rows(names, [list(row) for row in zip(*columns, strict=True)])


def _ranges(service: Mapping[str, Any]) -> Rows:
    ranges = service["flux_ranges"].items()
    return Rows(
        ["reaction", "minimum", "maximum"], [[name, r["minimum"], r["maximum"]] for name, r in ranges]
    )


def _deletions(service: Mapping[str, Any]) -> Rows:
    made: list[list[Cell]] = [[" ".join(d["ids"]), d["growth"], d["status"]] for d in service["deletions"]]
    return Rows(["ids", "growth", "status"], made)


def _sensitivities(service: Mapping[str, Any]) -> Rows:
    columns = ["output", "parameter", "unscaled", "scaled"]
    return Rows(columns, [[row[column] for column in columns] for row in service["sensitivities"]])


def _estimation(service: Mapping[str, Any]) -> Rows:
    columns = ["value", "standard_error", "at_bound"]
    fitted = service["estimation"]["parameters"].items()
    return Rows(["parameter", *columns], [[name, *(one[c] for c in columns)] for name, one in fitted])


def _fluxes(service: Mapping[str, Any]) -> Rows:
    return Rows(["reaction", "flux"], [[name, flux] for name, flux in service["flux_state"].items()])


_MAKERS = {
    "dynamics": _dynamics,
    "flux_ranges": _ranges,
    "deletions": _deletions,
    "flux_state": _fluxes,
    "sensitivities": _sensitivities,
    "estimation": _estimation,
    "species_trajectories": _time_course,
    "final_state": _steady_state,
}
"""Field of a service's result → how it becomes rows, the most telling first."""
