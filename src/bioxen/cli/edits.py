"""The options that say how a cell differs from its chassis, and reading them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

BOUNDS_FORM = "REACTION=LOWER,UPPER"

KnockOut = Annotated[list[str] | None, typer.Option(help="A gene to knock out; repeatable.")]
KnockOutReaction = Annotated[list[str] | None, typer.Option(help="A reaction to knock out; repeatable.")]
Bounds = Annotated[list[str] | None, typer.Option(help="REACTION=LOWER,UPPER; repeatable.")]
Medium = Annotated[list[str] | None, typer.Option(help="EXCHANGE=UPTAKE; repeatable.")]
Param = Annotated[list[str] | None, typer.Option(help="PARAMETER=VALUE; repeatable.")]
Init = Annotated[list[str] | None, typer.Option(help="SPECIES=VALUE at the start; repeatable.")]
Seed = Annotated[int | None, typer.Option(min=0, help="Of its stochastic runs; from its id if absent.")]


def edits_of(
    knock_out: list[str] | None,
    bounds: list[str] | None,
    medium: list[str] | None,
    param: list[str] | None,
    init: list[str] | None,
    knock_out_reaction: list[str] | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Return the fields of a `Delta` that the options give; those that were not given are left out."""
    given = {
        "gene_knockouts": knock_out,
        "reaction_knockouts": knock_out_reaction,
        "constraints": {name: _bounds(value) for name, value in pairs("--bounds", bounds, BOUNDS_FORM)},
        "medium": numbers("--medium", medium),
        "parameters": numbers("--param", param),
        "initial_conditions": numbers("--init", init),
    }
    fields: dict[str, Any] = {name: value for name, value in given.items() if value}
    return fields if seed is None else fields | {"seed": seed}


def pairs(name: str, values: list[str] | None, form: str = "NAME=VALUE") -> Iterator[tuple[str, str]]:
    """Give the two sides of texts like `NAME=VALUE`."""
    for value in values or []:
        key, separator, rest = value.partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"{name} {value}: write it as {form}")
        yield key, rest


def numbers(name: str, values: list[str] | None) -> dict[str, float]:
    """Return what texts like `NAME=NUMBER` say."""
    return {key: _number(f"{name} {key}", value) for key, value in pairs(name, values)}


def _bounds(value: str) -> list[float]:
    lower, separator, upper = value.partition(",")
    if not separator:
        raise typer.BadParameter(f"--bounds {value}: write it as {BOUNDS_FORM}")
    return [_number("lower bound", lower), _number("upper bound", upper)]


def _number(what: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{what}: {text!r} is no number") from None
