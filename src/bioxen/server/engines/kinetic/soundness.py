"""Whether a model may be simulated stochastically at all: what Gillespie's direct method assumes of it.

The method counts whole molecules and takes each rate law as a propensity: constant between two firings, never
negative. A net law (forward minus backward) has the right mean and wrong fluctuations, so it is refused too.
Events, clocks and draws keep the method sound where they happen at exact times. libRoadRunner does not see to
that; the lanes do, and refuse by name what no exact time can be found for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import libsbml

from bioxen.server.engines.kinetic.mathtree import EVERYTHING, TIME, Signs

Reach = Callable[[Any], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Soundness:
    """The verdict on a model."""

    hurdles: tuple[str, ...]
    """What forbids the method, one sentence each."""
    beyond_reactions: tuple[str, ...]
    """What libRoadRunner's direct method does not take into account exactly: the lanes must run the model."""
    unproved: tuple[str, ...]
    """Reactions whose law may turn negative; their rates are watched while the simulation runs."""
    counted: tuple[str, ...]
    """Species that reactions change: they must be whole numbers of molecules."""


def examine(
    model: libsbml.Model,
    assigned: Mapping[str, Any],
    rate_targets: frozenset[str],
    other_targets: frozenset[str],
    reach: Reach,
) -> Soundness:
    """Return the verdict on `model`; `other_targets` are what events and initial assignments change."""
    varied = frozenset(assigned) | rate_targets | other_targets
    functions = {item.getId(): item.getMath() for item in model.getListOfFunctionDefinitions()}
    signs = Signs(assigned, functions)
    beyond = [f"{name} is integrated by a rate rule" for name in sorted(rate_targets)]
    if model.getNumEvents() > 0:
        beyond.append("it has events")
    hurdles, unproved = list[str](), list[str]()
    for reaction in model.getListOfReactions():
        law = reaction.getKineticLaw()
        if law is None or not law.isSetMath():
            continue
        names = reach(law.getMath())
        if EVERYTHING in names:
            hurdles.append(f"the rate of {reaction.getId()} depends on how fast something changes")
        if TIME in names or not rate_targets.isdisjoint(names):
            beyond.append(f"the rate of {reaction.getId()} depends on the time")
        for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts()):
            words = f"{reaction.getId()} changes {reference.getSpecies()} by no fixed whole number"
            if _is_computed(model, reference, varied):
                beyond.append(words)
            elif reference.getStoichiometry() % 1:
                hurdles.append(words)
        if not signs.never_negative(law.getMath()):
            unproved.append(reaction.getId())
            hurdles += _net_law(reaction, names)
    return Soundness(tuple(hurdles), tuple(beyond), tuple(unproved), _counted(model))


def _is_computed(model: libsbml.Model, reference: Any, varied: frozenset[str]) -> bool:
    """Whether what a firing changes is no number of the text: a formula, or one with a conversion factor."""
    species = model.getSpecies(reference.getSpecies())
    converted = species.isSetConversionFactor() or model.isSetConversionFactor()
    return bool(converted or reference.getId() in varied or reference.isSetStoichiometryMath())


def _net_law(reaction: Any, names: frozenset[str]) -> list[str]:
    products = {reference.getSpecies() for reference in reaction.getListOfProducts()}
    if not reaction.getReversible() or not products & names:
        return []
    return [f"{reaction.getId()} is reversible with one net law (forward minus backward)"]


def _counted(model: libsbml.Model) -> tuple[str, ...]:
    changed = {
        reference.getSpecies()
        for reaction in model.getListOfReactions()
        for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts())
    }
    return tuple(
        item.getId()
        for item in model.getListOfSpecies()
        if item.getId() in changed and not item.getBoundaryCondition() and not item.getConstant()
    )
