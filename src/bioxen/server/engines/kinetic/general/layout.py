"""Where every value of a model is.

Every identifier has a slot with what its symbol means in formulas. A species has a second one with its
amount, where its symbol is a concentration. A species that reactions change is integrated as an amount, one
under a rate rule as its symbol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bioxen.server.engines.kinetic.general.matching import determined
from bioxen.server.engines.kinetic.general.reading import parts, refused, rules


@dataclass(frozen=True, slots=True)
class Kept:
    """One species, as plain data."""

    compartment: str
    is_amount: bool
    """Whether its symbol means an amount in formulas."""
    factor: str | None
    """What turns the extent of a reaction into its amount."""


class Layout:
    """The slots of one model, and what determines each variable."""

    def __init__(self, model: Any) -> None:
        self.names: list[str] = []
        self.slots: dict[str, int] = {}
        self.compartments = frozenset(item.getId() for item in model.getListOfCompartments())
        self.species = _species(model)
        self.assigned = frozenset(rule.getVariable() for rule in rules(model, "isAssignment"))
        self.rated = tuple(rule.getVariable() for rule in rules(model, "isRate"))
        self.implicit = tuple(determined(model))
        """What the algebraic rules determine."""
        self.by_rule = self.assigned.union(self.rated, self.implicit)
        """What any rule gives, by its symbol."""
        self.moved = self._moved(model)
        """The species that reactions change."""

    def slot(self, name: str) -> int:
        """Return the slot of an identifier's symbol, or of any other name; a new one where there is none."""
        if name not in self.slots:
            self.slots[name] = len(self.names)
            self.names.append(name)
        return self.slots[name]

    def amount(self, name: str) -> int:
        """Return the slot of a species' amount."""
        return self.slot(name if self.species[name].is_amount else f"{name}|amount")

    def volume(self, name: str) -> int:
        """Return the slot of a species' compartment."""
        return self.slot(self.species[name].compartment)

    def factor(self, name: str) -> int | None:
        """Return the slot of a species' conversion factor."""
        factor = self.species[name].factor
        return self.slot(factor) if factor else None

    def rate(self, name: str) -> int:
        """Return the slot of the rate of change of a symbol."""
        if name in self.assigned or name in self.implicit:
            raise refused(f"rateOf({name}), where a rule computes {name}", "Write its derivative out.")
        return self.slot(f"{name}|rate")

    def amount_rate(self, name: str) -> int:
        """Return the slot of the rate of change of the amount of a species that reactions change."""
        return self.slot(f"{name}|amount rate")

    def rates(self) -> tuple[int, ...]:
        """Return the slots of all rates of change."""
        return tuple(self.slots[name] for name in self.names if name.endswith(("|rate", "|amount rate")))

    def _moved(self, model: Any) -> tuple[str, ...]:
        reached = {part.species for reaction in model.getListOfReactions() for part in parts(reaction)}
        return tuple(
            item.getId()
            for item in model.getListOfSpecies()
            if item.getId() in reached - self.by_rule
            and not item.getBoundaryCondition()
            and not item.getConstant()
        )


def _species(model: Any) -> dict[str, Kept]:
    points = {
        item.getId()
        for item in model.getListOfCompartments()
        if item.isSetSpatialDimensions() and item.getSpatialDimensionsAsDouble() == 0
    }
    return {
        item.getId(): Kept(
            item.getCompartment(),
            bool(item.getHasOnlySubstanceUnits() or item.getCompartment() in points),
            item.getConversionFactor() or model.getConversionFactor() or None,
        )
        for item in model.getListOfSpecies()
    }
