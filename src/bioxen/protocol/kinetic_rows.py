"""The parts of a kinetic result as rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bioxen.errors import ValidationError
from bioxen.protocol.packing import decode
from bioxen.protocol.table import Cell, Rows

_TIMES = ("time_of_minimum", "time_of_maximum", "period")
"""Features that are times."""


def _time_course(service: Mapping[str, Any]) -> Rows:
    trajectories: dict[str, list[Cell]] = dict(service["species_trajectories"])
    trajectories.pop("time", None)  # a column of its own, also where nobody named it
    columns = [service["time_vector"], *trajectories.values()]
    return Rows(["time", *trajectories], [list(row) for row in zip(*columns, strict=True)])


def _steady_state(service: Mapping[str, Any]) -> Rows:
    return Rows(["output", "value"], [[name, value] for name, value in service["final_state"].items()])


def _sensitivities(service: Mapping[str, Any]) -> Rows:
    columns = ["output", "parameter", "unscaled", "scaled"]
    return Rows(columns, [[row[column] for column in columns] for row in service["sensitivities"]])


def _estimation(service: Mapping[str, Any]) -> Rows:
    columns = ["value", "standard_error", "at_bound"]
    fitted = service["estimation"]["parameters"].items()
    return Rows(["parameter", *columns], [[name, *(one[c] for c in columns)] for name, one in fitted])


def _members(service: Mapping[str, Any]) -> Rows:
    """Return a row a member; where the values at every point are there, a row a member and point."""
    members = service["members"]
    if members.get("outcomes") is not None:
        return _outcomes(members)
    varied: dict[str, list[Cell]] = members["varied"]
    if members["values"] is not None:
        return _member_values(members)
    steady = _steady_columns(members)
    numbers = numbers_of(members["features"])
    names = [f"{feature} {output}" for feature in members["feature_names"] for output in members["outputs"]]
    made: list[list[Cell]] = [
        [
            members["first"] + index,
            status,
            *(column[index] for column in [*varied.values(), *steady.values()]),
            *row,
        ]
        for index, (status, row) in enumerate(zip(members["status"], _cut(numbers, len(names)), strict=True))
    ]
    return Rows(["member", "status", *varied, *steady, *names], made)


def _outcomes(members: Mapping[str, Any]) -> Rows:
    """Return the rows of what was found for each member; one that failed has none."""
    made: list[list[Cell]] = []
    columns: list[str] = ["status"]
    for number, outcome in enumerate(members["outcomes"]):
        rows = next(
            (make(outcome) for field, make in KINETIC.items() if outcome.get(field) is not None), None
        )
        if rows is not None:
            columns = rows.columns
            made += [[members["first"] + number, *row] for row in rows.rows]
    return Rows(["member", *columns], made)


def _steady_columns(members: Mapping[str, Any]) -> dict[str, list[Cell]]:
    """Return what is known of the steady state of each member."""
    steady: Mapping[str, list[Cell]] = members["steady"] or {}
    return {name: steady[name] for name in ("stable", "settled") if name in steady}


def _member_values(members: Mapping[str, Any]) -> Rows:
    outputs, times = members["outputs"], members["times"]
    rows = _cut(numbers_of(members["values"]), len(outputs))
    places = [place for place, output in enumerate(outputs) if output != "time"]
    made: list[list[Cell]] = [
        [members["first"] + index // len(times), times[index % len(times)], *(row[place] for place in places)]
        for index, row in enumerate(rows)
    ]
    return Rows(["member", "time", *(outputs[place] for place in places)], made)


def numbers_of(array: Mapping[str, Any]) -> list[Cell]:
    """Return the numbers of an array in either encoding; NaN as null."""
    if array["numbers"] is not None:
        return list(array["numbers"])
    if array["base64"] is None:
        raise ValidationError(
            "The numbers of this result are kept as a file, so it has no rows of them.",
            details={
                "place": "encoding",
                "remedy": "Use load_array() or to_xarray(hypervisor.load_array), or encoding 'base64'.",
            },
        )
    return [*decode(array["base64"])]


def units_of(service: Mapping[str, Any]) -> dict[str, str]:
    """Return the units of the columns that have one: of outputs, the time, and the features of outputs."""
    declared: dict[str, str] = dict(service.get("output_units") or {})
    members = service.get("members") or {}
    units = dict(declared)
    for feature in members.get("feature_names") or ():
        for output in members["outputs"]:
            whose = "time" if feature in _TIMES else output
            if whose in declared:
                units[f"{feature} {output}"] = declared[whose]
    return units


def _cut(numbers: list[Cell], width: int) -> list[list[Cell]]:
    return [numbers[start : start + width] for start in range(0, len(numbers), width)]


def _summary(service: Mapping[str, Any]) -> Rows:
    summary = service["summary"]
    times = service["time_vector"] or [None]  # a steady state has no time
    outputs = summary["outputs"]
    statistics = [numbers_of(summary["mean"]), numbers_of(summary["standard_deviation"])]
    statistics += _cut(numbers_of(summary["quantiles"]), len(times) * len(outputs))
    if summary.get("accuracy") is not None:
        statistics.append(numbers_of(summary["accuracy"]))
    made: list[list[Cell]] = [
        [time, output, *(column[point * len(outputs) + place] for column in statistics)]
        for point, time in enumerate(times)
        for place, output in enumerate(outputs)
    ]
    quantiles = [f"q{probability:g}" for probability in summary["probabilities"]]
    accuracy = [] if summary.get("accuracy") is None else ["accuracy"]
    return Rows(["time", "output", "mean", "sd", *quantiles, *accuracy], made)


def _global_sensitivity(service: Mapping[str, Any]) -> Rows:
    found = service["global_sensitivity"]
    rows = found["sobol"] if found["sobol"] is not None else found["morris"]
    return Rows(list(rows[0]), [list(row.values()) for row in rows])


def _control(service: Mapping[str, Any]) -> Rows:
    control = service["control"]
    made: list[list[Cell]] = [
        [name, *row] for name, row in zip(control["reactions"], control["scaled_flux_control"], strict=True)
    ]
    return Rows(["reaction", *control["reactions"]], made)


def _branch(service: Mapping[str, Any]) -> Rows:
    branch = service["branch"]
    columns = [branch["parameter_values"], *branch["states"].values(), branch["stable"]]
    names = [branch["parameter"], *branch["states"], "stable"]
    return Rows(names, [list(row) for row in zip(*columns, strict=True)])


def _oscillations(service: Mapping[str, Any]) -> Rows:
    rows = service["oscillations"]
    return Rows(list(rows[0]), [list(row.values()) for row in rows])


def _petab(service: Mapping[str, Any]) -> Rows:
    names = ["observable", "condition", "time", "measured", "simulated"]
    columns = [service["petab"][name] for name in names]
    return Rows(names, [list(row) for row in zip(*columns, strict=True)])


KINETIC: dict[str, Callable[[Mapping[str, Any]], Rows]] = {
    "members": _members,
    "summary": _summary,
    "global_sensitivity": _global_sensitivity,
    "control": _control,
    "branch": _branch,
    "oscillations": _oscillations,
    "petab": _petab,
    "sensitivities": _sensitivities,
    "estimation": _estimation,
    "species_trajectories": _time_course,
    "final_state": _steady_state,
}
"""Field of a kinetic result → how it becomes rows, the most telling first."""
