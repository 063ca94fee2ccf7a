"""The values at the start: initial assignments and rules first, then what the model declares."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from bioxen.server.engines.kinetic.general.layout import Layout
from bioxen.server.engines.kinetic.general.reading import parts
from bioxen.server.engines.kinetic.general.statements import Statement


def starting_values(
    model: Any, layout: Layout, explicit: Sequence[Statement], assigned: Sequence[Statement]
) -> Iterator[Statement]:
    """Yield what gives every value at the start but those that algebraic rules determine.

    Args:
        model: the model.
        layout: its slots.
        explicit: what rules and rate laws give.
        assigned: what initial assignments give.
    """
    given = {statement.target for statement in explicit}
    yield from explicit
    for statement in assigned:
        if statement.target not in given:
            given.add(statement.target)
            yield statement
    implicit = {layout.slot(name) for name in layout.implicit}
    for item in model.getListOfSpecies():
        yield from _of_species(item, layout, given | implicit)
        given |= {layout.slot(item.getId()), layout.amount(item.getId())}
    for slot, value in declared(model, layout).items():
        if slot not in given | implicit:
            yield Statement(slot, literal(value), frozenset())


def guesses(model: Any, layout: Layout) -> list[float]:
    """Return where Newton's method begins for what algebraic rules determine: the declared values, else 1."""
    values = {layout.names[slot]: value for slot, value in declared(model, layout).items()}
    for item in model.getListOfSpecies():
        by_concentration = item.isSetInitialConcentration()
        values[item.getId()] = item.getInitialConcentration() if by_concentration else item.getInitialAmount()
    return [values[name] if math.isfinite(values[name]) else 1.0 for name in layout.implicit]


def declared(model: Any, layout: Layout) -> dict[int, float]:
    """Return slot → declared value of compartments, parameters and stoichiometries.

    Where none is, a compartment has libRoadRunner's 1, and a parameter NaN.
    """
    values = {}
    for item in model.getListOfCompartments():
        values[layout.slot(item.getId())] = item.getSize() if item.isSetSize() else 1.0
    for item in model.getListOfParameters():
        values[layout.slot(item.getId())] = item.getValue() if item.isSetValue() else math.nan
    for reaction in model.getListOfReactions():
        for part in parts(reaction):
            value = part.reference.getStoichiometry() / part.reference.getDenominator()
            values[layout.slot(part.name)] = value
    return values


def literal(value: float) -> str:
    """Return a number as Python text."""
    return repr(float(value)) if math.isfinite(value) else "nan" if math.isnan(value) else f"({float(value)})"


def _of_species(item: Any, layout: Layout, given: set[int]) -> Iterator[Statement]:
    """Yield a species' amount and symbol, each from the other or from what is declared.

    A species without a value has libRoadRunner's 0.
    """
    name = item.getId()
    symbol, amount, volume = layout.slot(name), layout.amount(name), layout.volume(name)
    if symbol in given:
        if amount != symbol:
            yield Statement(amount, f"v[{symbol}] * v[{volume}]", frozenset({symbol, volume}))
        return
    if item.isSetInitialConcentration() and not item.isSetInitialAmount():
        concentration = literal(item.getInitialConcentration())
        yield Statement(amount, f"{concentration} * v[{volume}]", frozenset({volume}))
    else:
        value = item.getInitialAmount() if item.isSetInitialAmount() else 0.0
        yield Statement(amount, literal(value), frozenset())
    if amount != symbol:
        yield Statement(symbol, f"divide(v[{amount}], v[{volume}])", frozenset({amount, volume}))
