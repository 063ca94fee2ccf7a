"""Finds chassis: BioXen's own in `data/`, and those of other packages by entry point.

A third party adds an organism under the entry point group `bioxen.chassis`: the entry's name is the
biological type, its value a text in toml, a callable that returns one, or a resource with `read_text()`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from importlib.metadata import EntryPoint, entry_points
from typing import get_args

from bioxen.chassis.config import ChassisConfig
from bioxen.errors import ChassisError, ValidationError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.request import BiologicalType

ENTRY_POINT_GROUP = "bioxen.chassis"
ALIASES = {"generic": "base"}
BUILT_IN: tuple[str, ...] = tuple(name for name in get_args(BiologicalType) if name not in ALIASES)
"""The chassis that services know; one from elsewhere always names its model in a request."""


def get_supported_biological_types() -> list[str]:
    """Return every biological type a cell can be made of, BioXen's own first."""
    return [*BUILT_IN, *_strangers()]


def get_chassis_config(biological_type: str) -> ChassisConfig:
    """Return what is known of a biological type; the copy is the caller's own.

    Raises:
        ChassisError: there is no such chassis, or its definition is broken.
    """
    return find_chassis(biological_type).model_copy(deep=True)


@cache
def find_chassis(biological_type: str) -> ChassisConfig:
    """Return the one chassis that all cells of a type share; read it, never change it.

    Raises:
        ChassisError: there is no such chassis, or its definition is broken.
    """
    name = ALIASES.get(biological_type, biological_type)
    if name in BUILT_IN:
        text = _built_in_text(name)
    elif name in _strangers():
        text = _text_of(_strangers()[name])
    else:
        known = [*get_supported_biological_types(), *ALIASES]
        details = {"place": "biological_type", **did_you_mean(name, known), "known": known}
        raise ChassisError(f"There is no chassis {biological_type!r}.", details=details)
    return read_chassis(name, text)


def read_chassis(name: str, text: str) -> ChassisConfig:
    """Return the chassis that `text`, in toml, defines.

    Raises:
        ChassisError: the text is not toml, not a chassis, or one of another name.
    """
    try:
        chassis = parse(ChassisConfig, tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise ChassisError(f"The definition of chassis {name!r} is broken: {error}") from error
    if chassis.biological_type != name:
        raise ChassisError(f"The definition of chassis {name!r} calls itself {chassis.biological_type!r}.")
    return chassis


def _built_in_text(name: str) -> str:
    try:
        return resources.files(__package__).joinpath("data", f"{name}.toml").read_text("utf-8")
    except FileNotFoundError as error:
        raise ChassisError(f"The definition of chassis {name!r} is missing from the package.") from error


@cache
def _strangers() -> dict[str, EntryPoint]:
    found = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: point for point in found if point.name not in (*BUILT_IN, *ALIASES)}


def _text_of(point: EntryPoint) -> str:
    try:
        value = point.load()
        if hasattr(value, "read_text"):
            value = value.read_text(encoding="utf-8")
        elif callable(value):
            value = value()
    except Exception as error:  # a stranger's code may raise anything
        raise ChassisError(
            f"The chassis {point.name!r} of {point.value} cannot be loaded: {error}"
        ) from error
    if not isinstance(value, str):
        raise ChassisError(f"The chassis {point.name!r} of {point.value} gives no text in toml.")
    return value
