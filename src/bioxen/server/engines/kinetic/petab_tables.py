"""The tables of a PEtab problem, read and checked."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping
from typing import Any

from bioxen.errors import MissingModuleError, UnknownIdentifierError, ValidationError, did_you_mean
from bioxen.protocol.kinetic import PetabRequest
from bioxen.server.engines.kinetic.changes import check_varied
from bioxen.server.engines.kinetic.facts import Facts
from bioxen.server.engines.kinetic.petab_formulas import Observables
from bioxen.server.engines.kinetic.petab_problem import Parameter, Row, Tables, natural
from bioxen.server.engines.kinetic.program import Program

_REFUSED = {
    "objectivePriorType": "objective priors",
    "preequilibrationConditionId": "pre-equilibration",
}
"""Columns whose use is refused → what they ask for."""


Reader = Callable[[Any], Any]
Check = Callable[[Any], None]


def tables_of(request: PetabRequest, program: Program) -> Tables:
    """Return the checked tables.

    Raises:
        MissingModuleError: the petab package is not installed.
        ValidationError: a table is malformed, or asks for what is not run.
    """
    try:
        from petab.v1 import conditions, lint, measurements, observables, parameters
    except ImportError:
        raise MissingModuleError(
            "PEtab problems need the petab package, which is not installed.",
            details={"remedy": "Install it with pip install 'bioxen[petab]'."},
        ) from None
    readers: dict[str, tuple[Reader, Check]] = {
        "parameter_table": (parameters.get_parameter_df, lint.check_parameter_df),
        "condition_table": (conditions.get_condition_df, lint.check_condition_df),
        "measurement_table": (measurements.get_measurement_df, lint.check_measurement_df),
        "observable_table": (observables.get_observable_df, lint.check_observable_df),
    }
    frames = {name: _frame(getattr(request, name), name, *both) for name, both in readers.items()}
    for frame in (frames["parameter_table"], frames["measurement_table"]):
        for column, words in _REFUSED.items():
            if column in frame and frame[column].notna().any():
                raise _refused(words, column)
    return _assembled(frames, program.facts)


def _frame(text: str, place: str, reader: Reader, check: Check) -> Any:
    import pandas as pd

    try:
        frame = reader(pd.read_csv(io.StringIO(text), sep="\t", float_precision="round_trip"))
        if place == "measurement_table":
            frame = frame.astype({name: float for name in ("measurement", "time") if name in frame})
        check(frame)
        return frame
    except Exception as error:  # whatever the parsers and the package's own checks raise is about the text
        raise ValidationError(
            f"The table cannot be read: {error}", details={"place": place, "remedy": "Give PEtab's TSV text."}
        ) from error


def _assembled(frames: dict[str, Any], facts: Facts) -> Tables:
    parameters = {
        str(name): Parameter(
            id=str(name),
            scale=str(row["parameterScale"]),
            lower=float(row["lowerBound"]),
            upper=float(row["upperBound"]),
            nominal=_number(row.get("nominalValue")),
            estimated=bool(int(row["estimate"])),
        )
        for name, row in frames["parameter_table"].iterrows()
    }
    observables = Observables(frames["observable_table"])
    rows = [
        _row(index, row, observables, parameters)
        for index, (_, row) in enumerate(frames["measurement_table"].iterrows())
    ]
    conditions = _conditions(frames["condition_table"], facts, parameters)
    for row in rows:
        if row.condition not in conditions:
            raise ValidationError(
                f"There is no condition {row.condition!r}.",
                details={
                    "place": f"measurement_table.{row.index}",
                    "remedy": "Add it to the condition table.",
                },
            )
    tables = Tables(parameters, conditions, rows, _symbols(rows, facts, parameters), facts)
    _check_used(tables)
    return tables


def _check_used(tables: Tables) -> None:
    """Make sure that every parameter to be estimated is used: a misspelt one would change nothing."""
    used = {at for condition in tables.conditions for at in tables.changes(condition).values()}
    for row in tables.rows:
        used |= {*row.how.formula.symbols, *row.how.noise.symbols, *row.overrides.values()}
    for one in tables.parameters.values():
        if one.estimated and one.id not in used:
            known = {*tables.facts.parameters, *(name for name in used if isinstance(name, str))}
            near = did_you_mean(one.id, sorted(known - set(tables.parameters)))
            raise UnknownIdentifierError(
                f"{one.id} is to be estimated, and nothing in the problem depends on it.",
                details={"place": f"parameter_table.{one.id}", **near},
            )


def _conditions(
    frame: Any, facts: Facts, parameters: dict[str, Parameter]
) -> dict[str, dict[str, str | float]]:
    columns = [str(column) for column in frame.columns if column != "conditionName"]
    check_varied([natural(name, facts) for name in columns], "condition_table", facts)
    return {
        str(condition): {
            name: at
            for name in columns
            if (at := _entry(row[name], parameters, f"condition_table.{condition}.{name}")) is not None
        }
        for condition, row in frame.iterrows()
    }


def _row(index: int, row: Any, observables: Observables, parameters: dict[str, Parameter]) -> Row:
    observable, place = str(row["observableId"]), f"measurement_table.{index}"
    time = float(row["time"])
    if not math.isfinite(time):
        raise _refused("measurements at steady state", "time")
    how, measured = observables.of(observable, place), float(row["measurement"])
    if how.transformation != "lin" and not measured > 0:
        raise ValidationError(
            f"A measurement is {measured:g}, which has no logarithm.",
            details={"place": place, "remedy": "Leave it out, or take the linear transformation."},
        )
    overrides: dict[str, str | float] = {}
    for kind in ("observable", "noise"):
        entries = str(row.get(f"{kind}Parameters", "")).split(";")
        for number, text in enumerate(entries, start=1):
            at = _entry(text.strip(), parameters, place)
            if at is not None:
                overrides[f"{kind}Parameter{number}_{observable}"] = at
    return Row(
        index=index,
        observable=observable,
        condition=str(row["simulationConditionId"]),
        time=time,
        measured=measured,
        how=how,
        overrides=overrides,
    )


def _symbols(rows: list[Row], facts: Facts, parameters: dict[str, Parameter]) -> dict[str, str]:
    """Return the model's symbols in the formulas; every other symbol must be known as well."""
    used = {name: row for row in rows for name in (*row.how.formula.symbols, *row.how.noise.symbols)}
    model = {*facts.species, *facts.parameters, *facts.compartments, *facts.reactions, "time"}
    for name, row in used.items():
        if (
            name not in model
            and name not in parameters
            and name not in row.overrides
            and name != row.observable
        ):
            near = did_you_mean(name, [*model, *parameters])
            raise UnknownIdentifierError(
                f"The formula of {row.observable} names {name!r}, which is nothing in the problem.",
                details={"place": "observable_table", **near},
            )
    return {name: natural(name, facts) for name in sorted(used) if name in model}


def _entry(value: Any, parameters: Mapping[str, Parameter], place: str) -> str | float | None:
    """Return a number, a parameter's id, or `None` for an empty entry."""
    if isinstance(value, str) and value in parameters:
        return value
    try:
        return _number(value)
    except ValueError:
        raise UnknownIdentifierError(
            f"{value!r} is neither a number nor a parameter of the table.",
            details={"place": place, **did_you_mean(str(value), parameters)},
        ) from None


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    number = float(value)
    return None if math.isnan(number) else number


def _refused(words: str, column: str) -> ValidationError:
    return ValidationError(
        f"The problem asks for {words}, which is not run.",
        details={"place": column, "remedy": f"Leave the column {column} empty."},
    )
