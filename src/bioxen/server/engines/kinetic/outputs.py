"""What a request wants reported, and a table of numbers as the protocol writes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bioxen.errors import UnknownIdentifierError, ValidationError, did_you_mean
from bioxen.server.engines.kinetic.changes import bare
from bioxen.server.engines.kinetic.facts import Facts
from bioxen.server.engines.kinetic.runner import Matrix

MAX_VALUES = 5_000_000
Column = list[float | None]


def selections_of(outputs: Sequence[str] | None, facts: Facts, place: str = "outputs") -> list[str]:
    """Return the selections to report, in the order asked.

    Raises:
        UnknownIdentifierError: the model has nothing of that name.
        ValidationError: there is nothing to report.
    """
    if outputs is None:
        outputs = facts.default_outputs
    if not outputs:
        raise ValidationError(
            "There is nothing to report: the model has no floating species and no rate rules.",
            details={"place": place, "remedy": "Name what to report in outputs."},
        )
    for name in outputs:
        _check(name, facts, place)
    return list(dict.fromkeys(outputs))


def _check(name: str, facts: Facts, place: str) -> None:
    subject = name.removesuffix("'")
    moving = set(facts.species) | facts.rate_targets
    known = {*facts.species, *facts.parameters, *facts.compartments, *facts.reactions, "time"}
    if subject in (moving if subject != name else known):
        return
    if subject != bare(subject) and bare(subject) in facts.species:
        return
    near = did_you_mean(name, [*known, *(f"[{species}]" for species in facts.species)])
    raise UnknownIdentifierError(
        f"The model has nothing named {name!r} to report.", details={"place": f"{place}.{name}", **near}
    )


def check_size(points: int, columns: int) -> None:
    """Refuse a result too large to send.

    Raises:
        ValidationError: it would have more than `MAX_VALUES` values.
    """
    if points * columns > MAX_VALUES:
        raise ValidationError(
            f"{points} points of {columns} outputs are {points * columns} values; {MAX_VALUES} is the limit.",
            details={
                "place": "time_points",
                "remedy": f"Ask for at most {MAX_VALUES // columns} points, or name fewer outputs.",
            },
        )


def columns_of(table: Matrix, selections: Sequence[str]) -> dict[str, Column]:
    """Return selection → values of a table whose first column is the time; null where not finite."""
    return {name: written(table[:, index + 1]) for index, name in enumerate(selections)}


def written(values: Matrix) -> Column:
    """Return numbers for the wire: null in place of NaN and the infinities."""
    numbers: Column = values.tolist()
    if np.isfinite(values).all():
        return numbers
    return [value if np.isfinite(value) else None for value in values.tolist()]


def units_for(selections: Sequence[str], facts: Facts) -> dict[str, str] | None:
    """Return the declared units of `selections`, or `None` where the model declares none of them."""
    units = {name: facts.units[name] for name in (*selections, "time") if name in facts.units}
    return units or None
