"""How a model moves: its state, the rates of change, and what follows from amounts and volumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bioxen.server.engines.kinetic.general.layout import Layout
from bioxen.server.engines.kinetic.general.reading import is_fast, parts, variables
from bioxen.server.engines.kinetic.general.statements import Statement


@dataclass(frozen=True, slots=True)
class Amount:
    """Where a species' amount is when its symbol is a concentration."""

    symbol: int
    amount: int
    compartment: int


@dataclass(frozen=True, slots=True)
class FastPart:
    """One species' part in a fast reaction."""

    row: int
    """Its place in the state."""
    column: int
    """The number of the fast reaction."""
    stoichiometry: int
    sign: float
    factor: int | None


@dataclass(slots=True)
class Motion:
    """The state of a model and how fast reactions move it; slots throughout."""

    state: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    rates: list[int] = field(default_factory=list)
    amounts: list[Amount] = field(default_factory=list)
    """Species whose symbol follows from their amount."""
    concentrations: list[Amount] = field(default_factory=list)
    """Species whose amount follows from their symbol."""
    fast_laws: list[int] = field(default_factory=list)
    fast_parts: list[FastPart] = field(default_factory=list)

    def note(self, name: str, slot: int, rate: int) -> None:
        """Add a variable to the state."""
        self.names.append(name)
        self.state.append(slot)
        self.rates.append(rate)


def motion_of(model: Any, layout: Layout) -> Motion:
    """Return the state and the fast reactions of a model."""
    motion = Motion()
    for name in layout.rated:
        motion.note(name, layout.slot(name), layout.rate(name))
    for name in layout.moved:
        motion.note(name, layout.amount(name), layout.amount_rate(name))
    for name, kept in layout.species.items():
        if not kept.is_amount:
            entry = Amount(layout.slot(name), layout.amount(name), layout.volume(name))
            (motion.concentrations if name in layout.by_rule else motion.amounts).append(entry)
    rows = {name: row for row, name in enumerate(motion.names)}
    for column, reaction in enumerate(filter(is_fast, model.getListOfReactions())):
        motion.fast_laws.append(layout.slot(reaction.getId()))
        for part in parts(reaction):
            if part.species in layout.moved:
                sign, slot = float(f"{part.sign}1"), layout.slot(part.name)
                factor = layout.factor(part.species)
                motion.fast_parts.append(FastPart(rows[part.species], column, slot, sign, factor))
    return motion


def conversions(motion: Motion) -> Iterator[Statement]:
    """Yield what turns amounts into concentrations, or back where a rule gives the concentration."""
    for entry in motion.concentrations:
        text = f"v[{entry.symbol}] * v[{entry.compartment}]"
        yield Statement(entry.amount, text, frozenset({entry.symbol, entry.compartment}))
    for entry in motion.amounts:
        text = f"divide(v[{entry.amount}], v[{entry.compartment}])"
        yield Statement(entry.symbol, text, frozenset({entry.amount, entry.compartment}))


def balances(model: Any, layout: Layout) -> Iterator[Statement]:
    """Yield the rates of amounts: what the slow reactions make of them and take from them."""
    terms: dict[str, list[str]] = {name: [] for name in layout.moved}
    needs: dict[str, set[int]] = {name: set() for name in layout.moved}
    for reaction in model.getListOfReactions():
        for part in parts(reaction):
            if part.species in terms and not is_fast(reaction):
                law, stoichiometry = layout.slot(reaction.getId()), layout.slot(part.name)
                terms[part.species].append(f"{part.sign} v[{stoichiometry}] * v[{law}]")
                needs[part.species] |= {law, stoichiometry}
    for name in layout.moved:
        total, factor = " ".join(terms[name]) or "0.0", layout.factor(name)
        text = total if factor is None else f"v[{factor}] * ({total})"
        needed = needs[name] if factor is None else needs[name] | {factor}
        yield Statement(layout.amount_rate(name), text, frozenset(needed))


def symbol_rates(model: Any, layout: Layout) -> Iterator[Statement]:
    """Yield the rates of change of symbols, which rateOf means, where no rate rule gives them."""
    for name in variables(model):
        if name in layout.by_rule:
            continue
        rate = layout.rate(name)
        if name not in layout.moved:
            yield Statement(rate, "0.0", frozenset())
            continue
        amount_rate = layout.amount_rate(name)
        if layout.species[name].is_amount:
            yield Statement(rate, f"v[{amount_rate}]", frozenset({amount_rate}))
        else:
            yield _concentration_rate(name, rate, amount_rate, layout)


def _concentration_rate(name: str, rate: int, amount_rate: int, layout: Layout) -> Statement:
    """Return d(A/V)/dt = (dA/dt − [A]·dV/dt)/V; NaN where a rule gives the volume, whose rate is unknown."""
    symbol, volume, compartment = layout.slot(name), layout.volume(name), layout.species[name].compartment
    growth, needs = "0.0", {symbol, amount_rate, volume}
    if compartment in layout.rated:
        slot = layout.rate(compartment)
        growth = f"v[{slot}]"
        needs.add(slot)
    elif compartment in layout.by_rule:
        growth = "nan"
    text = f"divide(v[{amount_rate}] - v[{symbol}] * {growth}, v[{volume}])"
    return Statement(rate, text, frozenset(needs))
