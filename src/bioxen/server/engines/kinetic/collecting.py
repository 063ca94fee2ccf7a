"""The facts of a model, collected once with libSBML."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import libsbml

from bioxen.server.engines.kinetic.facts import Facts, Species
from bioxen.server.engines.kinetic.general.matching import determined
from bioxen.server.engines.kinetic.mathtree import TIME, jumps, names
from bioxen.server.engines.kinetic.soundness import examine
from bioxen.server.engines.kinetic.unitnames import units_of

_NONE: Mapping[str, str] = MappingProxyType({})


def collect_facts(
    model: libsbml.Model,
    promoted: Mapping[str, str] = _NONE,
    solved: tuple[str, ...] = (),
    beyond: tuple[str, ...] = (),
) -> Facts:
    """Return the facts of a checked model.

    Args:
        model: the model, as engines compile it.
        promoted: `reaction.parameter` → the id of what was made global.
        solved: variables of algebraic rules that became assignment rules.
        beyond: constructs that libRoadRunner does not run.
    """
    rules = {
        rule.getVariable(): rule
        for rule in model.getListOfRules()
        if rule.isSetMath() and not rule.isAlgebraic()
    }
    assigned = {name: rule.getMath() for name, rule in rules.items() if rule.isAssignment()}
    rates = {name: rule.getMath() for name, rule in rules.items() if rule.isRate()}
    laws = {
        reaction.getId(): reaction.getKineticLaw().getMath()
        for reaction in model.getListOfReactions()
        if reaction.isSetKineticLaw() and reaction.getKineticLaw().isSetMath()
    }
    initial = {
        assignment.getSymbol(): assignment.getMath()
        for assignment in model.getListOfInitialAssignments()
        if assignment.isSetMath()
    }
    species = {item.getId(): _species(item) for item in model.getListOfSpecies()}
    web = _Web({**laws, **assigned, **initial}, species)
    event_targets = frozenset(
        assignment.getVariable()
        for event in model.getListOfEvents()
        for assignment in event.getListOfEventAssignments()
    )
    moving = [*laws.values(), *rates.values()]
    implicit = frozenset(determined(model))
    functions = {
        item.getId(): item.getMath() for item in model.getListOfFunctionDefinitions() if item.isSetMath()
    }
    jumping = _jumping({**assigned, **functions})
    local = frozenset(promoted.values())
    return Facts(
        species=species,
        compartments=tuple(item.getId() for item in model.getListOfCompartments()),
        parameters=tuple(item.getId() for item in model.getListOfParameters() if item.getId() not in local),
        reactions=tuple(item.getId() for item in model.getListOfReactions()),
        assignment_targets=frozenset(assigned) | implicit,
        rate_targets=frozenset(rates),
        initial_targets=tuple(initial),
        feeds=web.feeds(initial),
        event_targets=event_targets,
        event_inputs=web.reach_all(_first_firings(model)),
        keeps_history=any(event.isSetDelay() for event in model.getListOfEvents()),
        has_events=model.getNumEvents() > 0,
        revocable=frozenset(
            event.getId()
            for event in model.getListOfEvents()
            if event.isSetTrigger() and not event.getTrigger().getPersistent()
        ),
        time_dependent=model.getNumEvents() > 0 or any(TIME in web.reach(math) for math in moving),
        units=units_of(model),
        jumps=any(jumps(math) or not jumping.isdisjoint(web.reach(math)) for math in moving),
        local_parameters=dict(promoted),
        solved=solved,
        beyond_roadrunner=beyond,
        soundness=examine(model, assigned, frozenset(rates), event_targets | frozenset(initial), web.reach),
    )


def _jumping(formulas: dict[str, Any]) -> set[str]:
    """Return the names of the formulas that may jump, themselves or by what they name."""
    found: set[str] = set()
    while True:
        more = {
            name
            for name, math in formulas.items()
            if name not in found and (jumps(math) or not found.isdisjoint(names(math)))
        }
        if not more:
            return found
        found |= more


def _species(item: Any) -> Species:
    return Species(
        item.getId(), item.getCompartment(), item.getHasOnlySubstanceUnits(), not item.getBoundaryCondition()
    )


def _first_firings(model: libsbml.Model) -> list[Any]:
    """Return every formula of the events if one of them may fire at the start, else none."""
    events = list(model.getListOfEvents())
    if not any(event.isSetTrigger() and not event.getTrigger().getInitialValue() for event in events):
        return []
    parts = [part for event in events for part in (event.getTrigger(), event.getDelay(), event.getPriority())]
    parts += [assignment for event in events for assignment in event.getListOfEventAssignments()]
    return [part.getMath() for part in parts if part is not None and part.isSetMath()]


class _Web:
    """Which identifiers a formula depends on, through the formulas of what it names."""

    def __init__(self, formulas: dict[str, Any], species: dict[str, Species]) -> None:
        self._formulas = formulas
        self._species = species

    def reach(self, math: Any) -> frozenset[str]:
        """Return every identifier that `math` depends on."""
        found: set[str] = set()
        waiting = list(names(math))
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            if name in self._formulas:
                waiting.extend(names(self._formulas[name]))
            if name in self._species:
                waiting.append(self._species[name].compartment)
        return frozenset(found)

    def reach_all(self, formulas: list[Any]) -> frozenset[str]:
        """Return every identifier that any of `formulas` depends on."""
        return frozenset().union(*map(self.reach, formulas))

    def feeds(self, initial: dict[str, Any]) -> dict[str, frozenset[str]]:
        """Return, for each identifier, the initial assignments that depend on it."""
        fed: dict[str, set[str]] = {}
        for target, math in initial.items():
            for name in self.reach(math):
                fed.setdefault(name, set()).add(target)
        return {name: frozenset(targets) for name, targets in fed.items()}
