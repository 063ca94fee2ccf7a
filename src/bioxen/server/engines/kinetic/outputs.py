"""What a request wants reported, and a table of numbers as the protocol writes it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

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
    else:
        _check(outputs, facts, place)
    if not outputs:
        raise ValidationError(
            "There is nothing to report: the model has no floating species and no rate rules.",
            details={"place": place, "remedy": "Name what to report in outputs."},
        )
    return list(dict.fromkeys(outputs))


def _check(outputs: Sequence[str], facts: Facts, place: str) -> None:
    moving = facts.rate_targets.union(facts.species)
    known = {*facts.species, *facts.parameters, *facts.compartments, *facts.reactions, "time"}
    for name in outputs:
        subject = name.removesuffix("'")
        if subject in (moving if subject != name else known):
            continue
        if subject != bare(subject) and bare(subject) in facts.species:
            continue
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


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Columns of a table of numbers, which become Python's numbers only where somebody wants these."""

    names: Sequence[str]
    values: Matrix
    """One row a name, one column a point in time."""
    gaps: Sequence[str]
    """The names of the columns that have nulls: where the value is not a finite number."""

    def columns(self) -> dict[str, Column]:
        """Return selection → values."""
        columns = map(written, self.values) if self.gaps else self.values.tolist()
        return dict(zip(self.names, columns, strict=True))

    def last(self) -> Column:
        """Return the values at the last point."""
        numbers: Column = self.values[:, -1].tolist()
        return _without_gaps(numbers) if self.gaps else numbers

    def to_json(self) -> bytes:
        """Return `columns` as JSON: the digits that pydantic writes, straight from the array."""
        return orjson.dumps(
            dict(zip(self.names, self.values, strict=True)), option=orjson.OPT_SERIALIZE_NUMPY
        )


def trajectories_of(table: Matrix, selections: Sequence[str]) -> Trajectories:
    """Return the trajectories in a table whose first column is the time."""
    values = np.ascontiguousarray(table[:, 1:].T)
    gaps: list[str] = []
    if not np.isfinite(values).all():
        gaps = [name for name, row in zip(selections, values, strict=True) if not np.isfinite(row).all()]
    return Trajectories(selections, values, gaps)


def written(values: Matrix) -> Column:
    """Return numbers for the wire: null in place of NaN and the infinities."""
    numbers: Column = values.tolist()
    return numbers if np.isfinite(values).all() else _without_gaps(numbers)


def _without_gaps(column: Column) -> Column:
    return [value if value is not None and math.isfinite(value) else None for value in column]


def units_for(selections: Sequence[str], facts: Facts) -> dict[str, str] | None:
    """Return the declared units of `selections`, or `None` where the model declares none of them."""
    if not facts.units:
        return None
    units = {name: _unit(name, facts.units) for name in (*selections, "time")}
    return {name: unit for name, unit in units.items() if unit is not None} or None


def _unit(name: str, known: Mapping[str, str]) -> str | None:
    """Return the unit of a selection, of a rate of change `S'` too."""
    own, time = known.get(name.removesuffix("'")), known.get("time")
    if not name.endswith("'"):
        return own
    return None if own is None or time is None else f"{own}/{time}"
