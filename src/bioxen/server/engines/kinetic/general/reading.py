"""Reading libSBML's objects. What is read becomes plain data: libSBML's objects die with their document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import libsbml

from bioxen.errors import InvalidModelError


@dataclass(frozen=True, slots=True)
class Part:
    """One species' part in a reaction."""

    species: str
    name: str
    """The id of the stoichiometry, or a name that no id can have."""
    sign: str
    reference: Any


def parts(reaction: Any) -> Iterator[Part]:
    """Yield the reactants and products of a reaction."""
    sides = (("-", reaction.getListOfReactants()), ("+", reaction.getListOfProducts()))
    for sign, references in sides:
        for index, item in enumerate(references):
            name = item.getId() if item.isSetId() else f"{reaction.getId()}{sign}{index}"
            yield Part(item.getSpecies(), name, sign, item)


def expanded(sbml: str) -> libsbml.SBMLDocument:
    """Return the document with its function definitions written out."""
    document = libsbml.readSBMLFromString(sbml)
    options = libsbml.ConversionProperties()
    options.addOption("expandFunctionDefinitions", True)
    if document.convert(options) != libsbml.LIBSBML_OPERATION_SUCCESS:
        raise refused("function definitions that libSBML cannot write out", "Write them out yourself.")
    return document


def refused(construct: str, remedy: str) -> InvalidModelError:
    """Return the refusal of a construct."""
    return InvalidModelError(
        f"The model has {construct}, which the kinetic engine does not run.",
        details={"construct": construct, "remedy": remedy},
    )


def rules(model: Any, kind: str) -> list[Any]:
    """Return the rules with a formula of which `kind` (`isRate`, …) holds."""
    return [rule for rule in model.getListOfRules() if rule.isSetMath() and getattr(rule, kind)()]


def laws(model: Any) -> Iterator[tuple[str, Any | None]]:
    """Yield (reaction, formula of its rate, `None` where it has none)."""
    for reaction in model.getListOfReactions():
        law = reaction.getKineticLaw()
        yield reaction.getId(), law.getMath() if law is not None and law.isSetMath() else None


def stoichiometry_formulas(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the stoichiometries that Level 2 gives as formulas."""
    for reaction in model.getListOfReactions():
        for part in parts(reaction):
            if part.reference.isSetStoichiometryMath() and part.reference.getStoichiometryMath().isSetMath():
                yield part.name, part.reference.getStoichiometryMath().getMath()


def initial_assignments(model: Any) -> dict[str, Any]:
    """Return symbol → formula of its initial assignment."""
    return {
        item.getSymbol(): item.getMath() for item in model.getListOfInitialAssignments() if item.isSetMath()
    }


def variables(model: Any) -> Iterator[str]:
    """Yield every identifier that rateOf may name."""
    for item in (*model.getListOfSpecies(), *model.getListOfParameters(), *model.getListOfCompartments()):
        yield item.getId()
    for reaction in model.getListOfReactions():
        yield from (part.name for part in parts(reaction) if part.reference.isSetId())


def is_fast(reaction: Any) -> bool:
    """Whether a reaction is at equilibrium at all times."""
    return bool(reaction.isSetFast() and reaction.getFast())
