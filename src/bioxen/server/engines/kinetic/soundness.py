"""Whether a model may be simulated stochastically at all: what Gillespie's direct method assumes of it.

The method counts whole molecules and takes each rate law as a propensity: constant between two firings, never
negative. A net law (forward minus backward) has the right mean and wrong fluctuations, so it is refused too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import libsbml

from bioxen.server.engines.kinetic.mathtree import TIME, Signs

Reach = Callable[[Any], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Soundness:
    """The verdict on a model."""

    hurdles: tuple[str, ...]
    """What forbids the method, one sentence each."""
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
    hurdles = [f"{name} is integrated by a rate rule" for name in sorted(rate_targets)]
    if model.getNumEvents() > 0:
        hurdles.append("it has events, which would fire at inexact times")
    unproved = []
    for reaction in model.getListOfReactions():
        law = reaction.getKineticLaw()
        if law is None or not law.isSetMath():
            continue
        hurdles += _of_one(reaction, reach(law.getMath()), varied)
        if not signs.never_negative(law.getMath()):
            unproved.append(reaction.getId())
            hurdles += _net_law(reaction, reach(law.getMath()))
    return Soundness(tuple(hurdles), tuple(unproved), _counted(model))


def _of_one(reaction: Any, names: frozenset[str], varied: frozenset[str]) -> list[str]:
    hurdles = []
    if TIME in names:
        hurdles.append(f"the rate of {reaction.getId()} depends on the time between two firings")
    for reference in (*reaction.getListOfReactants(), *reaction.getListOfProducts()):
        is_varied = reference.getId() in varied or reference.isSetStoichiometryMath()
        if is_varied or reference.getStoichiometry() % 1:
            hurdles.append(f"{reaction.getId()} changes {reference.getSpecies()} by no fixed whole number")
    return hurdles


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
