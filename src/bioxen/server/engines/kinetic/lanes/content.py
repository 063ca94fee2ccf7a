"""What a model says, read once from libSBML; whatever is not read here is refused by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import libsbml

from bioxen.server.engines.kinetic.lanes.occurrences import Event, read_events
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

Math = Any
"""A formula of libSBML. It lives as long as the document."""


@dataclass(frozen=True, slots=True)
class Species:
    """One species."""

    compartment: str
    counts_substance: bool
    """Whether its symbol means an amount in formulas."""
    by_reactions: bool
    """Whether reactions change it."""
    amount: float | None
    concentration: float | None
    conversion: str | None
    """The parameter that turns extent of reaction into its substance."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A species that a reaction consumes or makes."""

    species: str
    sign: int
    name: str | None
    value: float
    formula: Math | None
    """In place of the value, in Level 2."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """One reaction."""

    law: Math | None
    local: dict[str, float]
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """One model."""

    document: Any
    functions: dict[str, Math]
    compartments: dict[str, float]
    """Sizes; 1 where none is given, as in libRoadRunner and in SBML Level 1."""
    pointlike: frozenset[str]
    """Compartments without dimensions: what is in them has no concentration."""
    species: dict[str, Species]
    parameters: dict[str, float]
    reactions: dict[str, Reaction]
    references: dict[str, float]
    """Stoichiometries that have an id."""
    assigned: dict[str, Math]
    rates: dict[str, Math]
    initial: dict[str, Math]
    events: tuple[Event, ...]

    @property
    def changed_by_events(self) -> frozenset[str]:
        """Every target of an event's assignments."""
        return frozenset(name for event in self.events for name in event.assignments)


def read(sbml: str, *, singly: bool = False) -> Content:
    """Return the content of a model that the loader has checked; `singly` as in `build`.

    Raises:
        Uncovered: it has a construct that the lanes do not run.
    """
    document = libsbml.readSBMLFromString(sbml)
    model = document.getModel()
    if model is None or document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) > 0:
        raise Uncovered("text that libSBML cannot read")
    _refuse_packages(document)
    reactions = {item.getId(): _reaction(item) for item in model.getListOfReactions()}
    rules = [rule for rule in model.getListOfRules() if not rule.isAlgebraic() and rule.isSetMath()]
    if any(rule.isAlgebraic() for rule in model.getListOfRules()):
        raise Uncovered("an algebraic rule")
    return Content(
        document=document,
        functions={
            item.getId(): item.getMath() for item in model.getListOfFunctionDefinitions() if item.isSetMath()
        },
        compartments={item.getId(): _size(item) for item in model.getListOfCompartments()},
        pointlike=frozenset(
            item.getId()
            for item in model.getListOfCompartments()
            if item.isSetSpatialDimensions() and item.getSpatialDimensionsAsDouble() == 0
        ),
        species={item.getId(): _species(item, model) for item in model.getListOfSpecies()},
        parameters={
            item.getId(): item.getValue() if item.isSetValue() else math.nan
            for item in model.getListOfParameters()
        },
        reactions=reactions,
        references={
            reference.name: reference.value
            for reaction in reactions.values()
            for reference in reaction.references
            if reference.name is not None
        },
        assigned={rule.getVariable(): rule.getMath() for rule in rules if rule.isAssignment()},
        rates={rule.getVariable(): rule.getMath() for rule in rules if rule.isRate()},
        initial={
            item.getSymbol(): item.getMath()
            for item in model.getListOfInitialAssignments()
            if item.isSetMath()
        },
        events=read_events(model, singly=singly),
    )


_HARMLESS_PACKAGES = {"comp", "distrib", "fbc", "groups", "layout", "render", "l3v2extendedmath"}


def _refuse_packages(document: Any) -> None:
    for index in range(document.getNumPlugins()):
        package = document.getPlugin(index).getPackageName()
        if package not in _HARMLESS_PACKAGES and document.getPackageRequired(package):
            raise Uncovered(f"the SBML package {package}")
    composed = document.getModel().getPlugin("comp")
    if composed is not None and composed.getNumSubmodels() > 0:
        raise Uncovered("a submodel that was not flattened")


def _size(item: Any) -> float:
    return float(item.getSize()) if item.isSetSize() else 1.0


def _species(item: Any, model: Any) -> Species:
    conversion = item.getConversionFactor() or model.getConversionFactor()
    return Species(
        compartment=item.getCompartment(),
        counts_substance=item.getHasOnlySubstanceUnits(),
        by_reactions=not item.getBoundaryCondition() and not item.getConstant(),
        amount=item.getInitialAmount() if item.isSetInitialAmount() else None,
        concentration=item.getInitialConcentration() if item.isSetInitialConcentration() else None,
        conversion=conversion or None,
    )


def _reaction(item: Any) -> Reaction:
    if item.isSetFast() and item.getFast():
        raise Uncovered("a fast reaction")
    law = item.getKineticLaw()
    references = [_reference(reference, -1) for reference in item.getListOfReactants()]
    references += [_reference(reference, 1) for reference in item.getListOfProducts()]
    if law is None or not law.isSetMath():
        return Reaction(None, {}, tuple(references))
    local = [law.getParameter(index) for index in range(law.getNumParameters())]
    values = {one.getId(): one.getValue() if one.isSetValue() else math.nan for one in local}
    return Reaction(law.getMath(), values, tuple(references))


def _reference(item: Any, sign: int) -> Reference:
    formula = item.getStoichiometryMath().getMath() if item.isSetStoichiometryMath() else None
    is_known = item.isSetStoichiometry() or item.getLevel() < 3
    value = float(item.getStoichiometry()) if is_known else math.nan
    if item.getLevel() == 1:
        value /= item.getDenominator()
    return Reference(item.getSpecies(), sign, item.getId() or None, value, formula)
