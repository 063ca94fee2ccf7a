"""Which variables the algebraic rules of a model determine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import libsbml

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.mathtree import names


@dataclass(frozen=True, slots=True)
class Matching:
    """What determines what."""

    rules: dict[str, Any]
    """Variable → an algebraic rule that could determine it, each rule once."""


def determined(model: libsbml.Model) -> list[str]:
    """Return the variables that the algebraic rules determine, one for each rule."""
    return [*match(model).rules]


def match(model: libsbml.Model) -> Matching:
    """Return the variables that the algebraic rules determine, one for each rule.

    A rule determines what it names, directly or through assignment rules, and what nothing else determines:
    no rule, no reaction, no event, and no `constant` attribute.

    Raises:
        InvalidModelError: there are more such variables than rules, or fewer.
    """
    rules = [rule.getMath() for rule in model.getListOfRules() if rule.isAlgebraic() and rule.isSetMath()]
    if not rules:
        return Matching({})
    free = _free(model)
    assigned = {
        rule.getVariable(): rule.getMath()
        for rule in model.getListOfRules()
        if rule.isAssignment() and rule.isSetMath()
    }
    named = [[name for name in dict.fromkeys(_reach(rule, assigned)) if name in free] for rule in rules]
    found = list(dict.fromkeys(name for of_one in named for name in of_one))
    owners = _owners(named)
    if len(found) != len(rules) or owners is None:
        words = (
            f"the algebraic rules could determine {', '.join(found)}"
            if found
            else "nothing is left to determine"
        )
        raise InvalidModelError(
            f"The model has {len(rules)} algebraic rules that do not determine as many variables: {words}.",
            details={
                "construct": "algebraic rules without a unique solution",
                "remedy": "Declare constant what does not change, or write assignment rules.",
            },
        )
    return Matching({name: rules[owners[name]] for name in found})


def _reach(math: Any, assigned: dict[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    waiting = [*names(math)]
    while waiting:
        name = waiting.pop(0)
        if name not in seen:
            seen.add(name)
            yield name
            waiting.extend(names(assigned[name]) if name in assigned else ())


def _free(model: libsbml.Model) -> set[str]:
    """Return the variables that may change and that no rule, reaction or event changes."""
    taken = {rule.getVariable() for rule in model.getListOfRules() if not rule.isAlgebraic()}
    taken |= {
        assignment.getVariable()
        for event in model.getListOfEvents()
        for assignment in event.getListOfEventAssignments()
    }
    free = {
        item.getId()
        for item in (*model.getListOfParameters(), *model.getListOfCompartments())
        if not item.getConstant()
    }
    reached = set()
    for reaction in model.getListOfReactions():
        for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts()):
            reached.add(reference.getSpecies())
            if reference.isSetId() and not (model.getLevel() > 2 and reference.getConstant()):
                free.add(reference.getId())
    for item in model.getListOfSpecies():
        if not item.getConstant() and (item.getBoundaryCondition() or item.getId() not in reached):
            free.add(item.getId())
    return free - taken


def _owners(named: list[list[str]]) -> dict[str, int] | None:
    """Return variable → rule so that each rule has one of its own (augmenting paths), or `None`."""
    owner: dict[str, int] = {}

    def place(rule: int, tried: set[str]) -> bool:
        for name in named[rule]:
            if name not in tried:
                tried.add(name)
                if name not in owner or place(owner[name], tried):
                    owner[name] = rule
                    return True
        return False

    return owner if all(place(rule, set()) for rule in range(len(named))) else None
