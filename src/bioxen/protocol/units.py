"""Numbers with units. The unit stands in the type, and so in the OpenAPI document (`x-unit`)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field


def _unit(unit: str, **limits: Any) -> Any:
    return Field(json_schema_extra={"x-unit": unit}, **limits)


LARGEST_FLUX = 1e6
"""The largest bound or coefficient a request may give: beyond it no flux is exact within the tolerances."""
INFINITE_FLUX = 1e20
"""From here on a bound is none, as in many models that know no infinity."""

Flux = Annotated[float, _unit("mmol/gDW/h")]
"""A flux of any sign, mmol/gDW/h; negative through an exchange means uptake."""

GivenFlux = Annotated[float, _unit("mmol/gDW/h", ge=-LARGEST_FLUX, le=LARGEST_FLUX)]
"""A flux that a request gives, mmol/gDW/h."""

Coefficient = Annotated[float, Field(ge=-LARGEST_FLUX, le=LARGEST_FLUX)]
"""The weight of a flux in an objective."""

Uptake = Annotated[float, _unit("mmol/gDW/h", ge=0, le=LARGEST_FLUX)]
"""The largest uptake through an exchange, mmol/gDW/h, as a positive number (COBRApy's `medium`)."""

Seconds = Annotated[float, _unit("s", ge=0)]
"""A measured duration on the wall clock, s."""

Deadline = Annotated[float, _unit("s", ge=0.001, le=3600)]
"""The longest a computation may take before it is stopped, s."""

ModelTime = Annotated[float, _unit("model time")]
"""A time on the model's own clock, in the time unit its SBML or Antimony declares."""

Quantity = Annotated[float, _unit("model unit")]
"""An amount `S`, a concentration `[S]` or a parameter, in the unit the model declares for it."""

Fraction = Annotated[float, _unit("1", ge=0, le=1)]
"""A share of one."""

Identifier = Annotated[str, Field(min_length=1, max_length=256)]
"""An SBML or COBRA identifier."""

Objective = Identifier | dict[Identifier, Coefficient]
"""A reaction's id, or reaction ids with their coefficients."""

ModelName = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_.:\-]+$")]
"""A model of the repository, by id or sha256 digest; never a path."""

ModelText = Annotated[str, Field(min_length=1, max_length=64_000_000)]
"""A whole model as text; never a path and never a URL."""


def _infinite_to_none(value: Any) -> Any:
    """Read what Python users write for "no bound on this side", which is null on the wire."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return value
    lower, upper = value
    return (None if _beyond(lower, -1) else lower, None if _beyond(upper, 1) else upper)


def _beyond(bound: Any, sign: int) -> bool:
    return isinstance(bound, int | float) and sign * bound >= INFINITE_FLUX


def _ordered(bounds: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    lower, upper = bounds
    if lower is not None and upper is not None and lower > upper:
        raise ValueError(f"the lower bound {lower:g} exceeds the upper bound {upper:g}; give [lower, upper]")
    return bounds


Bounds = Annotated[
    tuple[GivenFlux | None, GivenFlux | None],
    Field(
        strict=False,
        description="[lower, upper] in mmol/gDW/h, up to 1e6 either way; null means no bound on that side, "
        "and so do -1e20 and 1e20 or more",
    ),
    BeforeValidator(_infinite_to_none),
    AfterValidator(_ordered),
]
"""The lower and upper bound of a reaction, mmol/gDW/h; `None` means no bound on that side."""
