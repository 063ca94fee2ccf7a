"""What an engine must know of a model besides running it, collected once with libSBML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import libsbml

from bioxen.server.engines.kinetic.general.matching import determined
from bioxen.server.engines.kinetic.mathtree import EVERYTHING, TIME, jumps, names
from bioxen.server.engines.kinetic.soundness import Soundness, examine
from bioxen.server.engines.kinetic.unitnames import units_of

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Species:
    """One species."""

    id: str
    compartment: str
    substance_only: bool
    """Whether its symbol means an amount in formulas (`hasOnlySubstanceUnits`)."""
    floating: bool
    """Whether reactions may change it; false for a boundary species."""

    @property
    def natural(self) -> str:
        """The selection that means what the symbol means in the model's formulas."""
        return self.id if self.substance_only else f"[{self.id}]"


@dataclass(frozen=True, slots=True)
class Facts:
    """The model's identifiers by their roles."""

    species: dict[str, Species]
    compartments: tuple[str, ...]
    parameters: tuple[str, ...]
    """Global parameters, in the model's order."""
    reactions: tuple[str, ...]
    assignment_targets: frozenset[str]
    """What an assignment rule computes; it cannot be set."""
    rate_targets: frozenset[str]
    """What a rate rule integrates."""
    initial_targets: tuple[str, ...]
    """What an initial assignment sets."""
    feeds: dict[str, frozenset[str]]
    """Identifier → the initial assignments that depend on it, through rules and rates as well."""
    event_targets: frozenset[str]
    """What an event changes."""
    event_inputs: frozenset[str]
    """What an event that may fire at the start depends on; it has fired before anything can be set."""
    keeps_history: bool
    """Whether events leave traces that no reset removes: they wait for their delays."""
    has_events: bool
    revocable: frozenset[str]
    """Events that are called off where their trigger turns false before they are due."""
    time_dependent: bool
    """Whether a rate depends on the time itself, or the model has events."""
    units: dict[str, str]
    """Selection → unit, where the model declares one."""
    soundness: Soundness
    """What speaks against stochastic simulation."""
    jumps: bool
    """Whether a rate of change jumps: it holds a comparison, a piecewise or a rounding."""
    local_parameters: dict[str, str] = field(default_factory=dict)
    """`reaction.parameter` → the id under which the compiled model has it."""
    solved: tuple[str, ...] = ()
    """Variables of algebraic rules that were solved for: they are assignment targets."""
    beyond_roadrunner: tuple[str, ...] = ()
    """Constructs that only the general solver runs."""

    @property
    def default_outputs(self) -> tuple[str, ...]:
        """Every floating species in its natural selection, then the parameters under a rate rule."""
        floating = [species.natural for species in self.species.values() if species.floating]
        return (*floating, *(name for name in self.parameters if name in self.rate_targets))

    def native(self, name: str) -> str:
        """Return the id that the compiled model has for `name`: another one for `reaction.parameter`."""
        return self.local_parameters.get(name, name)

    @property
    def free_parameters(self) -> tuple[str, ...]:
        """The global parameters that neither a rule nor an event changes."""
        ruled = self.assignment_targets | self.rate_targets | self.event_targets
        return tuple(name for name in self.parameters if name not in ruled)

    def fed_by(self, identifiers: Iterable[str]) -> frozenset[str]:
        """Return the initial assignments that depend on any of `identifiers`."""
        everything = self.feeds.get(EVERYTHING, frozenset())
        return everything.union(*(self.feeds.get(name, frozenset()) for name in identifiers))


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
