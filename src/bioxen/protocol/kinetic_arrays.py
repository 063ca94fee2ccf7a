"""The arrays of a kinetic result as an xarray Dataset: axes with names, numbers with units."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Any

from bioxen.errors import MissingModuleError, ValidationError
from bioxen.protocol.kinetic_rows import numbers_of, units_of

if TYPE_CHECKING:
    import xarray as xr

Load = Callable[[Mapping[str, Any]], Any]
"""An array of a result as plain data → NumPy's; `load_array` of a hypervisor reads files too."""
_CONTROL = {
    "fluxes": ("reaction",),
    "flux_control": ("reaction", "changed"),
    "concentration_control": ("species", "changed"),
}
_OWN = {"member", "status", "time", "reaction", "changed", "species", *_CONTROL}
"""Names of a Dataset of members that are not the model's."""


def dataset_of(service: Mapping[str, Any], load: Load | None = None) -> xr.Dataset:
    """Return the arrays of a service's result.

    Args:
        service: a kinetic result as plain data.
        load: how an array is read; those by reference need `hypervisor.load_array`.

    Returns:
        A time course is a variable an output over `time`; members are over `member` and `time`, with a
        variable such as `final [S]` for each feature; a summary is over `time` and `output`. What was varied
        is a coordinate, `varied k` where `k` is an output as well. Variables have the attribute `units` where
        the model declares one.

    Raises:
        MissingModuleError: xarray is not installed.
        ValidationError: the result has no arrays, or has them by reference and `load` is absent.
    """
    try:
        import xarray as xr
    except ImportError:
        raise MissingModuleError(
            "A Dataset needs xarray, which is not installed.",
            details={"remedy": "Install it with pip install xarray, or use to_frame()."},
        ) from None
    for part, make in _MAKERS.items():
        if service.get(part) is not None:
            variables, coordinates = make(service, load or _inside)
            dataset = xr.Dataset(variables, coordinates)
            for name, unit in units_of(service).items():
                if name in dataset:
                    dataset[name].attrs["units"] = unit
            return dataset
    raise ValidationError(
        "The result has no arrays: it is no time course, members or summary.",
        details={"remedy": "Use to_frame(), or the fields themselves."},
    )


_Named = dict[str, Any]


def _inside(array: Mapping[str, Any]) -> Any:
    import numpy as np

    return np.array(numbers_of(array), dtype=float).reshape(array["shape"])  # None becomes NaN


def _course(service: Mapping[str, Any], _: Load) -> tuple[_Named, _Named]:
    import numpy as np

    courses = service["species_trajectories"].items()
    variables = {name: ("time", np.array(column, dtype=float)) for name, column in courses if name != "time"}
    return variables, {"time": service["time_vector"]}


def _members(service: Mapping[str, Any], load: Load) -> tuple[_Named, _Named]:
    members = service["members"]
    if members.get("outcomes") is not None:
        raise ValidationError(
            "An analysis of each variant has no arrays over all of them.",
            details={"remedy": "Use to_frame(), or members.outcomes."},
        )
    first, status = members["first"], members["status"]
    coordinates: _Named = {"member": range(first, first + len(status)), "status": ("member", status)}
    outputs = members["outputs"] if members["values"] is not None else []
    taken = {*_OWN, *outputs, *(members["steady"] or {})}
    varied = members["varied"].items()
    coordinates |= {_apart("varied", name, taken): ("member", values) for name, values in varied}
    variables: _Named = {}
    if members["values"] is not None:
        values = load(members["values"])
        coordinates["time"] = members["times"]
        for place, output in enumerate(outputs):
            if output != "time":  # a coordinate already
                variables[_apart("output", output, _OWN)] = (("member", "time"), values[:, :, place])
    features = load(members["features"])
    for row, feature in enumerate(members["feature_names"]):
        for place, output in enumerate(members["outputs"]):
            variables[f"{feature} {output}"] = ("member", features[:, row, place])
    for name, column in (members["steady"] or {}).items():
        variables[name] = ("member", column)
    if members["control"] is not None:
        _add_control(variables, coordinates, members["control"], load)
    return variables, coordinates


def _apart(kind: str, name: str, taken: Container[str]) -> str:
    """Return the model's `name` for something, told apart from what has that name already."""
    return f"{kind} {name}" if name in taken else name


def _add_control(variables: _Named, coordinates: _Named, control: Mapping[str, Any], load: Load) -> None:
    coordinates |= {"reaction": control["reactions"], "changed": control["reactions"]}
    coordinates["species"] = control["species"]
    for name, axes in _CONTROL.items():
        variables[name] = (("member", *axes), load(control[name]))


def _summary(service: Mapping[str, Any], load: Load) -> tuple[_Named, _Named]:
    summary, times = service["summary"], service["time_vector"]
    outputs, units = summary["outputs"], service["output_units"] or {}
    coordinates: _Named = {"output": outputs, "quantile": summary["probabilities"]}
    coordinates["unit"] = ("output", [units.get(output, "") for output in outputs])
    coordinates |= {} if times is None else {"time": times}

    def over(array: Mapping[str, Any], *axes: str) -> tuple[tuple[str, ...], Any]:
        """Return numbers with their axes; a steady state is one point, and has no time."""
        numbers = load(array)
        if times is None:
            return (*axes, "output"), numbers[..., 0, :]
        return (*axes, "time", "output"), numbers

    variables: _Named = {name: over(summary[name]) for name in ("mean", "standard_deviation")}
    variables["quantiles"] = over(summary["quantiles"], "quantile")
    if summary.get("accuracy") is not None:
        variables["accuracy"] = over(summary["accuracy"])
    return variables, coordinates


_MAKERS = {"members": _members, "summary": _summary, "species_trajectories": _course}
