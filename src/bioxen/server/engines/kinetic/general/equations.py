"""A model as compiled equations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bioxen.server.engines.kinetic.general.beginning import guesses, starting_values
from bioxen.server.engines.kinetic.general.chance import Chance
from bioxen.server.engines.kinetic.general.formulas import Writer
from bioxen.server.engines.kinetic.general.layout import Layout
from bioxen.server.engines.kinetic.general.motion import balances, conversions, motion_of, symbol_rates
from bioxen.server.engines.kinetic.general.reading import (
    expanded,
    initial_assignments,
    laws,
    rules,
    stoichiometry_formulas,
)
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

    name: str
    trigger: Compiled
    initial: bool
    persistent: bool
    delay: Compiled | None
    priority: Compiled | None
    at_trigger: bool
    """Whether the values are those of the time it was triggered."""
    assignments: tuple[tuple[str, Compiled], ...]


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
    """The compiled equations of one model; nothing of libSBML stays in them.

    Raises:
        InvalidModelError: a construct is there that this solver does not know, or that is contradictory.
    """

    def __init__(self, sbml: str) -> None:
        document = expanded(sbml)
        model = document.getModel()
        self.layout = layout = Layout(model)
        self._writer = Writer(layout.slot, layout.rate)
        self.chance = Chance()
        """Where its formulas draw at random; it begins anew with each trajectory."""
        self._names = {"W": self.chance}
        self.motion = motion_of(model, layout)
        explicit = [*self._explicit(model)]
        moving = [*self._moving(model)]
        with self._writer.drawing(once=True):
            assigned = [
                self._write(layout.slot(name), node) for name, node in initial_assignments(model).items()
            ]
        start = [*starting_values(model, layout, explicit, assigned)]
        after = [*explicit, *conversions(self.motion), *moving]
        self.guesses = guesses(model, layout)
        """First guesses of what the algebraic rules determine."""
        self.implicit = [layout.slot(name) for name in layout.implicit]
        """Where what they determine is."""
        self.residuals = [self._function(rule.getMath()) for rule in rules(model, "isAlgebraic")]
        """What the algebraic rules hold at zero."""
        self.events = [self._event(event) for event in model.getListOfEvents() if _is_complete(event)]
        self.delayed = [*self._delayed(start, after)]
        """What delays look back at, by number."""
        self.update = compiled(ordered(after, layout.names), self._names)
        """Computes everything that follows from the state."""
        self.initial = compiled(ordered([*start, *moving], layout.names), self._names)
        """Computes every value at the start but what algebraic rules determine."""
        self.chance.needed = self._writer.draws > 0
        self.switches = self._writer.switches or bool(self.events)
        """Whether anything may jump."""
        self.all_rates = layout.rates()
        self.size = len(layout.names)

    def _explicit(self, model: Any) -> Iterator[Statement]:
        """Yield what formulas give at every moment: assignment rules, rate laws, some stoichiometries."""
        slot = self.layout.slot
        for rule in rules(model, "isAssignment"):
            yield self._write(slot(rule.getVariable()), rule.getMath())
        for name, law in laws(model):
            yield Statement(slot(name), "0.0", frozenset()) if law is None else self._write(slot(name), law)
        for name, formula in stoichiometry_formulas(model):
            yield self._write(slot(name), formula)

    def _moving(self, model: Any) -> Iterator[Statement]:
        """Yield the rates of change."""
        for rule in rules(model, "isRate"):
            yield self._write(self.layout.rate(rule.getVariable()), rule.getMath())
        yield from balances(model, self.layout)
        yield from symbol_rates(model, self.layout)

    def _write(self, target: int, node: Any) -> Statement:
        self._writer.needs = set()
        text = self._writer.write(node)
        return Statement(target, text, frozenset(self._writer.needs))

    def _function(self, node: Any) -> Compiled:
        return expression(self._writer.write(node), self._names)

    def _delayed(self, start: Sequence[Statement], after: Sequence[Statement]) -> Iterator[Delayed]:
        names = self.layout.names
        for node in self._writer.delayed:  # it grows on the way where a delayed expression holds a delay
            self._writer.needs = set()
            text = self._writer.write(node)
            needs = self._writer.needs
            everything = needs.union(*(statement.needs for statement in reached(after, needs)))
            moved_fast = self.motion.fast_laws and not everything.isdisjoint(self.motion.state)
            yield Delayed(
                expression(text, self._names),
                implicit=bool(moved_fast or not everything.isdisjoint(self.implicit)),
                before=compiled(ordered(reached(start, needs), names), self._names),
                after=compiled(ordered(reached(after, needs), names), self._names),
            )

    def _event(self, event: Any) -> Event:
        trigger = event.getTrigger()
        with self._writer.drawing(once=False):
            delay = self._math(event.getDelay())
            assignments = tuple(
                (item.getVariable(), self._function(item.getMath()))
                for item in event.getListOfEventAssignments()
                if item.isSetMath()
            )
        return Event(
            name=str(event.getId()),
            trigger=self._function(trigger.getMath()),
            initial=bool(trigger.getInitialValue()),
            persistent=bool(trigger.getPersistent()),
            delay=delay,
            priority=self._math(event.getPriority()),
            at_trigger=bool(event.getUseValuesFromTriggerTime()),
            assignments=assignments,
        )

    def _math(self, part: Any) -> Compiled | None:
        return self._function(part.getMath()) if part is not None and part.isSetMath() else None

    def reader(self, selection: str) -> Callable[[list[float]], float]:
        """Return what reads a selection of libRoadRunner's from the values."""
        layout, subject = self.layout, selection.removesuffix("'")
        if subject != selection:
            return self._rate_reader(subject)
        if selection.startswith("["):
            amount, volume = layout.amount(selection[1:-1]), layout.volume(selection[1:-1])
            return lambda values: values[amount] / values[volume] if values[volume] else float("nan")
        slot = layout.amount(selection) if selection in layout.species else layout.slots[selection]
        return lambda values: float(values[slot])

    def _rate_reader(self, name: str) -> Callable[[list[float]], float]:
        """Read the rate of change; of a species, that of its amount."""
        layout = self.layout
        if name in layout.moved or name not in layout.species or layout.species[name].is_amount:
            slot = layout.amount_rate(name) if name in layout.moved else layout.rate(name)
            return lambda values: float(values[slot])
        rate, symbol, volume = layout.rate(name), layout.slot(name), layout.volume(name)
        growth = layout.rate(layout.species[name].compartment)
        return lambda values: values[rate] * values[volume] + values[symbol] * values[growth]


def _is_complete(event: Any) -> bool:
    return bool(event.isSetTrigger() and event.getTrigger().isSetMath())
