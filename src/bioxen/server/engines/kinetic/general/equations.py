"""A model as equations: the slots of its values, the statements between them, what moves, what is implicit.

Every identifier has a slot with what its symbol means in formulas. A species has a second one with its amount,
where its symbol is a concentration. A species that reactions change is integrated as an amount, one under a
rate rule as its symbol.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import libsbml

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.general.formulas import Writer
from bioxen.server.engines.kinetic.general.matching import determined
from bioxen.server.engines.kinetic.general.statements import (
    Compiled,
    Statement,
    compiled,
    expression,
    ordered,
    reached,
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event, its formulas compiled; each a function of (t, v, R, D)."""

    trigger: Compiled
    initial: bool
    persistent: bool
    delay: Compiled | None
    priority: Compiled | None
    at_trigger: bool
    """Whether the values are those of the time it was triggered."""
    assignments: tuple[tuple[str, Compiled], ...]


@dataclass(frozen=True, slots=True)
class Amount:
    """Where a species' amount is when its symbol is a concentration."""

    symbol: int
    amount: int
    compartment: int


@dataclass(slots=True)
class _Draft:
    """What is collected while the model is read."""

    names: list[str] = field(default_factory=list)
    slots: dict[str, int] = field(default_factory=dict)

    def slot(self, name: str) -> int:
        if name not in self.slots:
            self.slots[name] = len(self.names)
            self.names.append(name)
        return self.slots[name]


@dataclass(frozen=True, slots=True)
class Delayed:
    """An expression that a delay looks back at, with what it needs and nothing else.

    What it does not need may hold a delay itself: computing that too would look back without end.
    """

    value: Compiled
    implicit: bool
    """Whether it needs what algebraic rules determine or fast reactions change."""
    before: Compiled
    """Computes what it needs as it was before the start."""
    after: Compiled
    """Computes what it needs from the state."""


class Equations:
    """The compiled equations of one model.

    Raises:
        InvalidModelError: a construct is there that this solver does not know, or that is contradictory.
    """

    def __init__(self, sbml: str) -> None:
        document = _expanded(sbml)
        self._model = model = document.getModel()
        self._draft = _Draft()
        self._species = {item.getId(): item for item in model.getListOfSpecies()}
        self._compartments = {item.getId(): item for item in model.getListOfCompartments()}
        self._assigned = {
            r.getVariable(): r.getMath() for r in _with_math(model.getListOfRules(), "isAssignment")
        }
        self._rated = {r.getVariable(): r.getMath() for r in _with_math(model.getListOfRules(), "isRate")}
        self._algebraic = [rule.getMath() for rule in _with_math(model.getListOfRules(), "isAlgebraic")]
        self.implicit_names = determined(model)
        """What the algebraic rules determine."""
        self._writer = Writer(self._symbol, self._rate)
        self._moved = self._reacting_species()
        self._build()

    # slots

    def _symbol(self, name: str) -> int:
        return self._draft.slot(name)

    def amount_slot(self, name: str) -> int:
        """Return the slot of a species' amount."""
        return self._draft.slot(name if self._is_amount(name) else f"{name}|amount")

    def concentration(self, name: str) -> tuple[int, int]:
        """Return the slots of a species' amount and of its compartment."""
        return self.amount_slot(name), self._symbol(self._species[name].getCompartment())

    def slot(self, name: str) -> int:
        """Return the slot of an identifier's symbol."""
        return self._draft.slots[name]

    def amount_rate_slot(self, name: str) -> int | None:
        """Return the slot of the rate of change of an amount, or of what is no species; `None` if none has it."""
        if name in self._moved:
            return self._draft.slots[f"{name}|amount rate"]
        is_concentration = name in self._species and not self._is_amount(name)
        return None if is_concentration else self._draft.slots[f"{name}|rate"]

    def concentration_rate_slots(self, name: str) -> tuple[int, int, int, int]:
        """Return the slots of a concentration's rate, itself, its volume, and the volume's rate."""
        volume = self._species[name].getCompartment()
        slots = self._draft.slots
        return slots[f"{name}|rate"], slots[name], slots[volume], slots[f"{volume}|rate"]

    @property
    def species(self) -> frozenset[str]:
        """The ids of species."""
        return frozenset(self._species)

    @property
    def compartments(self) -> frozenset[str]:
        """The ids of compartments."""
        return frozenset(self._compartments)

    def _rate(self, name: str) -> int:
        if name in self._assigned or name in self.implicit_names:
            raise _refused(f"rateOf({name}), where a rule computes {name}", "Write its derivative out.")
        return self._draft.slot(f"{name}|rate")

    def _amount_rate(self, name: str) -> int:
        return self._draft.slot(f"{name}|amount rate")

    def _is_amount(self, name: str) -> bool:
        species = self._species[name]
        if species.getHasOnlySubstanceUnits():
            return True
        compartment = self._compartments[species.getCompartment()]
        return bool(compartment.isSetSpatialDimensions() and compartment.getSpatialDimensionsAsDouble() == 0)

    # reading

    def _reacting_species(self) -> list[str]:
        reached = {part.species for reaction in self._model.getListOfReactions() for part in _parts(reaction)}
        ruled = self._assigned.keys() | self._rated.keys() | set(self.implicit_names)
        return [
            name
            for name, item in self._species.items()
            if name in reached
            and not item.getBoundaryCondition()
            and not item.getConstant()
            and name not in ruled
        ]

    def _build(self) -> None:
        model = self._model
        for item in _identified(model):
            self._symbol(item.getId())
        stoichiometries = list(self._stoichiometries())
        explicit = [*self._assignments(), *self._laws(), *stoichiometries]
        moving = [*self._rates()]
        conversions = [*self._conversions()]
        self.fast = [reaction for reaction in model.getListOfReactions() if _is_fast(reaction)]
        self.fast_laws = [self._symbol(reaction.getId()) for reaction in self.fast]
        self.residuals = [self._function(math_) for math_ in self._algebraic]
        self.implicit = [self._symbol(name) for name in self.implicit_names]
        self.events = [self._event(event) for event in model.getListOfEvents() if _is_complete(event)]
        start = [*self._initial_values(explicit)]
        after = [*explicit, *conversions, *moving]
        self.delayed: list[Delayed] = []
        while len(self.delayed) < len(self._writer.delayed):  # a delayed expression may hold a delay
            self.delayed.append(self._delayed(self._writer.delayed[len(self.delayed)], start, after))
        names = self._draft.names
        self.names = names
        self.update = compiled(ordered(after, names))
        """Computes everything that follows from the state."""
        self.initial = compiled(ordered([*start, *moving], names))
        """Computes every value at the start."""
        self.switches = self._writer.switches or bool(self.events)
        """Whether anything may jump."""
        rate_slots = [self._draft.slots[name] for name in names if name.endswith(("|rate", "|amount rate"))]
        self.all_rates = tuple(rate_slots)
        self.size = len(names)

    def _write(self, target: int, node: Any) -> Statement:
        self._writer.needs = set()
        text = self._writer.write(node)
        return Statement(target, text, frozenset(self._writer.needs))

    def _function(self, node: Any) -> Compiled:
        return expression(self._writer.write(node))

    def _delayed(self, node: Any, start: Sequence[Statement], after: Sequence[Statement]) -> Delayed:
        self._writer.needs = set()
        text = self._writer.write(node)
        needs, names = self._writer.needs, self._draft.names
        everything = needs.union(*(statement.needs for statement in reached(after, needs)))
        return Delayed(
            expression(text),
            implicit=bool(
                everything.intersection(self.implicit) or (self.fast and everything & {*self.state})
            ),
            before=compiled(ordered(reached(start, needs), names)),
            after=compiled(ordered(reached(after, needs), names)),
        )

    def _assignments(self) -> Iterator[Statement]:
        for name, node in self._assigned.items():
            yield self._write(self._symbol(name), node)

    def _laws(self) -> Iterator[Statement]:
        for reaction in self._model.getListOfReactions():
            law, slot = reaction.getKineticLaw(), self._symbol(reaction.getId())
            if law is None or not law.isSetMath():
                yield Statement(slot, "0.0", frozenset())
            else:
                yield self._write(slot, law.getMath())

    def _stoichiometries(self) -> Iterator[Statement]:
        """Yield the stoichiometries that Level 2 gives as formulas."""
        for reaction in self._model.getListOfReactions():
            for part in _parts(reaction):
                formula = (
                    part.reference.getStoichiometryMath() if part.reference.isSetStoichiometryMath() else None
                )
                if formula is not None and formula.isSetMath():
                    yield self._write(self._symbol(part.name), formula.getMath())

    def _conversions(self) -> Iterator[Statement]:
        """Yield what turns amounts into concentrations, or back where a rule gives the concentration."""
        by_symbol = self._assigned.keys() | self._rated.keys() | set(self.implicit_names)
        self.amounts: list[Amount] = []
        """Species whose symbol follows from their amount."""
        self.concentrations: list[Amount] = []
        """Species whose amount follows from their symbol."""
        for name, item in self._species.items():
            if self._is_amount(name):
                continue
            symbol, amount, volume = (
                self._symbol(name),
                self.amount_slot(name),
                self._symbol(item.getCompartment()),
            )
            entry = Amount(symbol, amount, volume)
            if name in by_symbol:
                self.concentrations.append(entry)
                yield Statement(amount, f"v[{symbol}] * v[{volume}]", frozenset({symbol, volume}))
            else:
                self.amounts.append(entry)
                yield Statement(symbol, f"divide(v[{amount}], v[{volume}])", frozenset({amount, volume}))

    def _rates(self) -> Iterator[Statement]:
        """Yield the rates of change, and note the state."""
        self.state: list[int] = []
        self.state_names: list[str] = []
        self.state_rates: list[int] = []
        for name, node in self._rated.items():
            slot, rate = self._symbol(name), self._draft.slot(f"{name}|rate")
            self._note_state(name, slot, rate)
            yield self._write(rate, node)
        for name in self._moved:
            amount, rate = self.amount_slot(name), self._amount_rate(name)
            self._note_state(name, amount, rate)
            yield self._balance(name, rate)
        yield from self._symbol_rates()

    def _note_state(self, name: str, slot: int, rate: int) -> None:
        self.state.append(slot)
        self.state_names.append(name)
        self.state_rates.append(rate)

    def _balance(self, name: str, rate: int) -> Statement:
        """Return the rate of an amount: what the slow reactions make of it and take from it."""
        terms, needs = [], set()
        for reaction in self._model.getListOfReactions():
            for part in _parts(reaction):
                if part.species == name and not _is_fast(reaction):
                    law, stoichiometry = self._symbol(reaction.getId()), self._symbol(part.name)
                    terms.append(f"{part.sign} v[{stoichiometry}] * v[{law}]")
                    needs |= {law, stoichiometry}
        total = " ".join(terms) or "0.0"
        factor = self.conversion_factor(name)
        if factor is None:
            return Statement(rate, total, frozenset(needs))
        return Statement(rate, f"v[{factor}] * ({total})", frozenset({*needs, factor}))

    def conversion_factor(self, name: str) -> int | None:
        """Return the slot of the factor between extent and amount."""
        item = self._species[name]
        factor = item.getConversionFactor() or self._model.getConversionFactor()
        return self._symbol(factor) if factor else None

    def _symbol_rates(self) -> Iterator[Statement]:
        """Yield the rates of change of symbols, which rateOf means."""
        for name, item in _named(self._model):
            rate = self._draft.slot(f"{name}|rate")
            if name in self._rated or name in self._assigned or name in self.implicit_names:
                continue
            if name not in self._moved:
                yield Statement(rate, "0.0", frozenset())
            elif self._is_amount(name):
                amount_rate = self._amount_rate(name)
                yield Statement(rate, f"v[{amount_rate}]", frozenset({amount_rate}))
            else:
                volume, growth = item.getCompartment(), self._volume_rate(item.getCompartment())
                symbol, amount_rate = self._symbol(name), self._amount_rate(name)
                needs = {symbol, amount_rate, self._symbol(volume), *growth[1]}
                text = f"divide(v[{amount_rate}] - v[{symbol}] * {growth[0]}, v[{self._symbol(volume)}])"
                yield Statement(rate, text, frozenset(needs))

    def _volume_rate(self, name: str) -> tuple[str, set[int]]:
        if name in self._rated:
            slot = self._draft.slot(f"{name}|rate")
            return f"v[{slot}]", {slot}
        return ("nan", set()) if name in self._assigned or name in self.implicit_names else ("0.0", set())

    def _initial_values(self, explicit: Sequence[Statement]) -> Iterator[Statement]:
        """Yield what gives every value at the start: assignments, then declared values."""
        assigned = {
            item.getSymbol(): item.getMath()
            for item in self._model.getListOfInitialAssignments()
            if item.isSetMath()
        }
        given = {statement.target for statement in explicit}
        yield from explicit
        for name, node in assigned.items():
            if self._symbol(name) not in given:
                given.add(self._symbol(name))
                yield self._write(self._symbol(name), node)
        by_concentration = set()
        for name, item in self._species.items():
            symbol, amount = self._symbol(name), self.amount_slot(name)
            if symbol in given or name in self.implicit_names:
                by_concentration.add(name)
            elif item.isSetInitialConcentration() and not item.isSetInitialAmount():
                volume = self._symbol(item.getCompartment())
                text = f"{_literal(item.getInitialConcentration())} * v[{volume}]"
                yield Statement(amount, text, frozenset({volume}))
                given |= {amount, symbol}
            else:
                yield Statement(amount, _literal(item.getInitialAmount()), frozenset())
                given |= {amount, symbol}
        yield from self._start_conversions(by_concentration)
        implicit = {self._symbol(name) for name in self.implicit_names}
        declared = dict(self._declared())
        self.guesses = [self._guess(name, declared) for name in self.implicit_names]
        for slot, value in declared.items():
            if slot not in given | implicit:
                yield Statement(slot, _literal(value), frozenset())

    def _guess(self, name: str, declared: dict[int, float]) -> float:
        """Return the declared value of what an algebraic rule determines: where Newton's method begins."""
        item = self._species.get(name)
        if item is None:
            value = declared[self._symbol(name)]
        else:
            value = (
                item.getInitialConcentration()
                if item.isSetInitialConcentration()
                else item.getInitialAmount()
            )
        return value if math.isfinite(value) else 1.0

    def _start_conversions(self, by_concentration: set[str]) -> Iterator[Statement]:
        for name, item in self._species.items():
            if self._is_amount(name):
                continue
            symbol, amount, volume = (
                self._symbol(name),
                self.amount_slot(name),
                self._symbol(item.getCompartment()),
            )
            if name in by_concentration:
                yield Statement(amount, f"v[{symbol}] * v[{volume}]", frozenset({symbol, volume}))
            else:
                yield Statement(symbol, f"divide(v[{amount}], v[{volume}])", frozenset({amount, volume}))

    def _declared(self) -> Iterator[tuple[int, float]]:
        for item in self._compartments.values():
            default = 1.0 if item.getLevel() == 1 else math.nan
            yield self._symbol(item.getId()), item.getSize() if item.isSetSize() else default
        for item in self._model.getListOfParameters():
            yield self._symbol(item.getId()), item.getValue() if item.isSetValue() else math.nan
        for reaction in self._model.getListOfReactions():
            for part in _parts(reaction):
                value = part.reference.getStoichiometry() / part.reference.getDenominator()
                yield self._symbol(part.name), value

    def _event(self, event: Any) -> Event:
        trigger, delay, priority = event.getTrigger(), event.getDelay(), event.getPriority()
        return Event(
            trigger=self._function(trigger.getMath()),
            initial=bool(trigger.getInitialValue()),
            persistent=bool(trigger.getPersistent()),
            delay=self._function(delay.getMath()) if delay is not None and delay.isSetMath() else None,
            priority=self._function(priority.getMath())
            if priority is not None and priority.isSetMath()
            else None,
            at_trigger=bool(event.getUseValuesFromTriggerTime()),
            assignments=tuple(
                (item.getVariable(), self._function(item.getMath()))
                for item in event.getListOfEventAssignments()
                if item.isSetMath()
            ),
        )

    def fast_stoichiometry(self) -> list[tuple[int, int, int, float, int | None]]:
        """Return (index of the state, index of the reaction, slot of the stoichiometry, sign, factor)."""
        rows = {name: index for index, name in enumerate(self.state_names)}
        return [
            (
                rows[part.species],
                column,
                self._symbol(part.name),
                float(f"{part.sign}1"),
                self.conversion_factor(part.species),
            )
            for column, reaction in enumerate(self.fast)
            for part in _parts(reaction)
            if part.species in self._moved
        ]


def _expanded(sbml: str) -> libsbml.SBMLDocument:
    """Return the document with its function definitions written out."""
    document = libsbml.readSBMLFromString(sbml)
    options = libsbml.ConversionProperties()
    options.addOption("expandFunctionDefinitions", True)
    if document.convert(options) != libsbml.LIBSBML_OPERATION_SUCCESS:
        raise _refused("function definitions that libSBML cannot write out", "Write them out yourself.")
    return document


def _refused(construct: str, remedy: str) -> InvalidModelError:
    return InvalidModelError(
        f"The model has {construct}, which the kinetic engine does not run.",
        details={"construct": construct, "remedy": remedy},
    )


def _with_math(rules: Any, kind: str) -> list[Any]:
    return [rule for rule in rules if rule.isSetMath() and getattr(rule, kind)()]


@dataclass(frozen=True, slots=True)
class _Part:
    """One species' part in a reaction."""

    species: str
    name: str
    """The id of the stoichiometry, or a name that no id can have."""
    sign: str
    reference: Any


def _parts(reaction: Any) -> Iterator[_Part]:
    sides = (("-", reaction.getListOfReactants()), ("+", reaction.getListOfProducts()))
    for sign, references in sides:
        for index, item in enumerate(references):
            name = item.getId() if item.isSetId() else f"{reaction.getId()}{sign}{index}"
            yield _Part(item.getSpecies(), name, sign, item)


def _identified(model: Any) -> Iterator[Any]:
    yield from model.getListOfCompartments()
    yield from model.getListOfSpecies()
    yield from model.getListOfParameters()
    yield from model.getListOfReactions()


def _named(model: Any) -> Iterator[tuple[str, Any]]:
    for item in (*model.getListOfSpecies(), *model.getListOfParameters(), *model.getListOfCompartments()):
        yield item.getId(), item
    for reaction in model.getListOfReactions():
        for part in _parts(reaction):
            if part.reference.isSetId():
                yield part.name, part.reference


def _is_fast(reaction: Any) -> bool:
    return bool(reaction.isSetFast() and reaction.getFast())


def _is_complete(event: Any) -> bool:
    return bool(event.isSetTrigger() and event.getTrigger().isSetMath())


def _literal(value: float) -> str:
    return repr(float(value)) if math.isfinite(value) else "nan" if math.isnan(value) else f"({float(value)})"
