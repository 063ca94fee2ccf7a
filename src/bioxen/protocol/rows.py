"""The numbers of a result as rows: for CSV, for a terminal, and for a pandas DataFrame."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from bioxen.errors import MissingModuleError, ValidationError
from bioxen.protocol.kinetic_rows import KINETIC, units_of
from bioxen.protocol.packing import unpack_rows
from bioxen.protocol.table import Cell, Rows

if TYPE_CHECKING:
    import pandas as pd

    from bioxen.protocol.result import ProcessResult

NAMES = ("reaction", "metabolite", "gene", "parameter")
"""First columns that name their rows."""
ENDS = ("minimum", "maximum")
PLANE = ("objective", "slope_x", "slope_y", "phase")


def rows_of(result: ProcessResult) -> Rows:
    """Return the main numbers of a result; where it has none, its outcome in one row."""
    service: Mapping[str, Any] = result.service_results or {}
    rows = None if result.symbolic else service_rows(service)
    outcome: list[Cell] = [str(service.get("status", result.status)), result.biological_output]
    return rows or Rows(["status", "outcome"], [outcome])


def service_rows(service: Mapping[str, Any]) -> Rows | None:
    """Return the main numbers of a service's result, or `None` where it has none."""
    return next((make(service) for field, make in _MAKERS.items() if service.get(field) is not None), None)


def to_frame(rows: Rows) -> pd.DataFrame:
    """Return `rows` as a pandas DataFrame; rows that are named have their name as index, as in COBRApy.

    Raises:
        MissingModuleError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingModuleError(
            "A DataFrame needs pandas, which is not installed.",
            details={"remedy": "Install it with pip install pandas, or use the fields themselves."},
        ) from None
    frame = pd.DataFrame(rows.rows, columns=rows.columns)
    if rows.columns[0] == "without":  # a matrix of numbers, also where a whole column has none
        return frame.set_index("without").astype(float)
    return frame.set_index(rows.columns[0]) if rows.columns[0] in NAMES else frame


def frame_of(result: BaseModel) -> pd.DataFrame:
    """Return the main numbers of a service's result as a pandas DataFrame.

    Raises:
        ValidationError: it has none.
    """
    content = result.model_dump()
    rows = service_rows(content)
    if rows is None:
        raise ValidationError(f"There are no numbers to put in a frame. {content.get('message', '')}")
    return with_units(to_frame(rows), content)


def with_units(frame: pd.DataFrame, service: Mapping[str, Any]) -> pd.DataFrame:
    """Return `frame` with `attrs["units"]`, the units of a kinetic result's outputs and columns."""
    if units := units_of(service):
        frame.attrs["units"] = units
    return frame


def to_csv(result: ProcessResult) -> str:
    """Return the numbers of a result as CSV with a header; floats in full precision."""
    rows = rows_of(result)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows.columns)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows.rows)
    return text.getvalue()


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


def _deletion_matrix(service: Mapping[str, Any]) -> Rows:
    matrix = service["deletion_matrix"]
    columns: list[str] = matrix["ids_b"]
    growth = unpack_rows(matrix["packed"], len(columns)) if matrix["growth"] is None else matrix["growth"]
    made: list[list[Cell]] = [[name, *row] for name, row in zip(matrix["ids_a"], growth, strict=True)]
    return Rows(["without", *columns], made)


def _deletion_pairs(service: Mapping[str, Any]) -> Rows:
    columns: dict[str, list[Cell]] = service["deletion_pairs"]
    return Rows(list(columns), [list(row) for row in zip(*columns.values(), strict=True)])


def _essentiality(service: Mapping[str, Any]) -> Rows:
    essential = set(service["essentiality"]["ids"])
    made: list[list[Cell]] = [
        [d["ids"][0], d["growth"], d["status"], d["ids"][0] in essential] for d in service["deletions"]
    ]
    return Rows(["id", "growth", "status", "essential"], made)


def _adjustment(service: Mapping[str, Any]) -> Rows:
    reference = service["adjustment"]["reference"]
    fluxes = (service["flux_state"] or {}).items()
    return Rows(
        ["reaction", "fluxes", "reference"], [[name, flux, reference.get(name)] for name, flux in fluxes]
    )


def _envelope(service: Mapping[str, Any]) -> Rows:
    envelope = service["envelope"]
    names = [f"{kind}_{end}" for kind in ("flux", "carbon_yield", "mass_yield") for end in ENDS]
    columns = [*envelope["fluxes"].values(), *(envelope[name] for name in names)]
    return Rows([*envelope["fluxes"], *names], [list(row) for row in zip(*columns, strict=True)])


def _phase_plane(service: Mapping[str, Any]) -> Rows:
    plane = service["phase_plane"]
    made: list[list[Cell]] = [
        [x, y, *(plane[name][i][j] for name in PLANE)]
        for i, x in enumerate(plane["x_fluxes"])
        for j, y in enumerate(plane["y_fluxes"])
    ]
    return Rows([plane["x"], plane["y"], *PLANE], made)


def _robustness(service: Mapping[str, Any]) -> Rows:
    found = service["robustness"]
    rows = zip(found["fluxes"], found["objective"], strict=True)
    return Rows([found["reaction"], "objective"], [list(row) for row in rows])


def _media(service: Mapping[str, Any]) -> Rows:
    made: list[list[Cell]] = [
        [number, exchange, uptake]
        for number, medium in enumerate(service["media"])
        for exchange, uptake in medium["uptake"].items()
    ]
    return Rows(["medium", "exchange", "uptake"], made)


def _blocked(service: Mapping[str, Any]) -> Rows:
    return Rows(["reaction"], [[name] for name in service["blocked"]])


def _samples(service: Mapping[str, Any]) -> Rows:
    samples = service["samples"]
    if samples["values"] is not None:
        columns = samples["values"]
        return Rows(list(columns), [list(row) for row in zip(*columns.values(), strict=True)])
    quantiles = [f"q{probability:g}" for probability in samples["probabilities"]]
    made: list[list[Cell]] = [
        [name, one["mean"], one["sd"], *one["quantiles"], one["ess"], one["r_hat"]]
        for name, one in samples["fluxes"].items()
    ]
    return Rows(["reaction", "mean", "sd", *quantiles, "ess", "r_hat"], made)


def _gap_fills(service: Mapping[str, Any]) -> Rows:
    made: list[list[Cell]] = [
        [number, name, fill["objective"]]
        for number, fill in enumerate(service["gap_fills"])
        for name in fill["reactions"]
    ]
    return Rows(["proposal", "reaction", "objective"], made)


def _prices(service: Mapping[str, Any]) -> Rows:
    fluxes = service["flux_state"] or {}
    made: list[list[Cell]] = [
        ["flux", name, fluxes.get(name), price] for name, price in service["reduced_costs"].items()
    ]
    made += [["shadow_price", name, None, price] for name, price in service["shadow_prices"].items()]
    return Rows(["kind", "id", "flux", "price"], made)


def _fluxes(service: Mapping[str, Any]) -> Rows:
    return Rows(["reaction", "fluxes"], [[name, flux] for name, flux in service["flux_state"].items()])


def _batch(service: Mapping[str, Any]) -> Rows:
    batch = service["batch"]
    fluxes: dict[str, list[Cell]] = batch["fluxes"] or {}
    columns = [batch["objective"], batch["status"], *fluxes.values()]
    return Rows(["objective", "status", *fluxes], [list(row) for row in zip(*columns, strict=True)])


_MAKERS = {
    "batch": _batch,
    "dynamics": _dynamics,
    "flux_ranges": _ranges,
    "essentiality": _essentiality,
    "deletions": _deletions,
    "deletion_matrix": _deletion_matrix,
    "deletion_pairs": _deletion_pairs,
    "adjustment": _adjustment,
    "envelope": _envelope,
    "phase_plane": _phase_plane,
    "robustness": _robustness,
    "media": _media,
    "blocked": _blocked,
    "samples": _samples,
    "gap_fills": _gap_fills,
    "shadow_prices": _prices,
    "flux_state": _fluxes,
    **KINETIC,
}
"""Field of a service's result → how it becomes rows, the most telling first."""
