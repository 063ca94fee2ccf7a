"""A PEtab problem beside its model, checked and ready to be evaluated."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bioxen.errors import UnknownIdentifierError, ValidationError, did_you_mean
from bioxen.server.engines.kinetic.facts import Facts
from bioxen.server.engines.kinetic.petab_formulas import Observable

_TO: dict[str, Callable[[float], float]] = {"lin": float, "log": math.log, "log10": math.log10}
_FROM: dict[str, Callable[[float], float]] = {"lin": float, "log": math.exp, "log10": lambda x: 10.0**x}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the parameter table."""

    id: str
    scale: str
    lower: float
    upper: float
    nominal: float | None
    estimated: bool

    def scaled(self, value: float) -> float:
        """Return `value` on the parameter's scale."""
        return _TO[self.scale](value)

    def unscaled(self, value: float) -> float:
        """Return the value of a place on the parameter's scale."""
        return _FROM[self.scale](value)


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement with the formulas of its observable."""

    index: int
    observable: str
    condition: str
    time: float
    measured: float
    how: Observable
    overrides: Mapping[str, str | float]
    """Placeholder → parameter or number."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The whole problem beside the model."""

    parameters: dict[str, Parameter]
    conditions: dict[str, dict[str, str | float]]
    """Condition → what it sets in the model → parameter or number."""
    rows: list[Row]
    symbols: dict[str, str]
    """Symbol of the model that a formula uses → libRoadRunner's selection of the same meaning."""
    facts: Facts

    def values(self, given: Mapping[str, float]) -> dict[str, float]:
        """Return the value of each parameter, on the linear scale.

        Raises:
            UnknownIdentifierError: `given` has one that the table lacks.
            ValidationError: one has neither a nominal value nor a given one.
        """
        for name in given:
            if name not in self.parameters:
                near = did_you_mean(name, self.parameters)
                raise UnknownIdentifierError(
                    f"The parameter table has no {name!r}.", details={"place": f"values.{name}", **near}
                )
        values = {one.id: given.get(one.id, one.nominal) for one in self.parameters.values()}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise ValidationError(
                f"{missing[0]} has no nominal value.",
                details={"place": "values", "remedy": f"Give values.{missing[0]}."},
            )
        return {name: float(value) for name, value in values.items() if value is not None}

    def changes(self, condition: str) -> dict[str, str | float]:
        """Return what a condition sets in the model: selection → parameter of the table, or number."""
        facts = self.facts
        settable = set(facts.parameters) - facts.assignment_targets | set(facts.compartments)
        sets: dict[str, str | float] = {name: name for name in self.parameters if name in settable}
        sets |= self.conditions[condition]
        return {natural(name, facts): at for name, at in sets.items()}

    def by_condition(self) -> dict[str, list[Row]]:
        """Return the rows of each condition that has any."""
        grouped: dict[str, list[Row]] = {}
        for row in self.rows:
            grouped.setdefault(row.condition, []).append(row)
        return grouped


def natural(name: str, facts: Facts) -> str:
    """Return libRoadRunner's selection of what a symbol of SBML means: of a species its natural one."""
    return facts.species[name].natural if name in facts.species else name
