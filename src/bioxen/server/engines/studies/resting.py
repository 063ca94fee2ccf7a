"""What is known of members at their steady states, as messages and as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bioxen.protocol.kinetic import ControlMembers, SteadyMembers
from bioxen.server.engines.studies.arrays import Array, Writer, read

Axes = tuple[list[str], list[str]]
"""The names of the variables, in their natural selections, and of the reactions."""
COEFFICIENTS = ("fluxes", "flux_control", "concentration_control")
_NUMBERS = ("residual", "rightmost_real", "rightmost_imaginary")
_TRUTHS = ("stable", "settled")


def steady_of(series: Mapping[str, Array]) -> SteadyMembers | None:
    """Return the message, where there are steady states."""
    if "residual" not in series:
        return None
    columns: dict[str, Any] = {name: _plain(series[name]) for name in _NUMBERS}
    for name in _TRUTHS:
        columns[name] = [None if value is None else value > 0 for value in _plain(series[name])]
    return SteadyMembers(**columns)


def control_of(series: Mapping[str, Array], axes: Axes | None, write: Writer) -> ControlMembers | None:
    """Return the message, where there are control coefficients."""
    if axes is None:
        return None
    arrays = {name: write(series[name]) if name in series else None for name in COEFFICIENTS}
    return ControlMembers(species=axes[0], reactions=axes[1], **arrays)


def series_of(members: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arrays of `Members` as plain data."""
    found: dict[str, Array] = {}
    if (steady := members.get("steady")) is not None:
        found |= {name: np.array(steady[name], dtype=float) for name in (*_NUMBERS, *_TRUTHS)}
    if (control := members.get("control")) is not None:
        found |= {name: read(control[name]) for name in COEFFICIENTS if control[name] is not None}
    return found


def axes_of(members: Mapping[str, Any]) -> Axes | None:
    """Return the axes of the coefficients of `Members` as plain data."""
    control = members.get("control")
    return None if control is None else (control["species"], control["reactions"])


def _plain(values: Array) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]
