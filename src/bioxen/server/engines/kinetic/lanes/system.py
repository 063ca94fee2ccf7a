"""A model as ordinary differential equations with events, in expressions of states and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.changes import bare
from bioxen.server.engines.kinetic.lanes.content import Content
from bioxen.server.engines.kinetic.lanes.draws import Draw
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.occurrences import Event
from bioxen.server.engines.kinetic.lanes.operations import STEPS
from bioxen.server.engines.kinetic.lanes.scope import Scope, local
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

Matrix = NDArray[np.float64]
_RELATIONS = frozenset({"lt", "le", "eq", "ne", "truth"})


@dataclass(frozen=True, slots=True)
class Reset:
    """What one event does."""

    trigger: Node
    values: tuple[Node, ...]
    """New values of every state, then of every parameter."""
    targets: tuple[int, ...]
    """Which of them it sets."""
    initially: bool
    persistent: bool
    uses_trigger_values: bool
    draws: tuple[Draw, ...] = ()
    """What the new values draw at random, in the order of their inputs."""
    delay: Node | None = None
    delay_draws: tuple[Draw, ...] = ()
    """What the delay draws; its inputs follow those of the values."""
    priority: Node | None = None


class System:
    """States y (amounts, and what rate rules integrate), parameters p, and expressions of them."""

    def __init__(self, content: Content, *, singly: bool = False) -> None:
        """Write the equations of `content`; `singly` as in `build`.

        Raises:
            Uncovered: it has a construct that the lanes do not run.
        """
        self.content = content
        self.graph = Graph()
        self.states = tuple(_states(content))
        self.parameters = tuple(_parameters(content, frozenset(self.states)))
        self._inputs = {name: self.graph.input("state", i) for i, name in enumerate(self.states)}
        self._inputs |= {name: self.graph.input("parameter", i) for i, name in enumerate(self.parameters)}
        self.scope = Scope(content, self.graph, self._inputs.get)
        self.reactions = tuple(
            name for name, reaction in content.reactions.items() if reaction.law is not None
        )
        self.rates = [self.scope.change(name) for name in self.states]
        self.fluxes = [self.scope.flux(name) for name in self.reactions]
        self._draws: list[Draw] = []
        self.resets = [self._reset(event) for event in content.events]
        self.jumps: list[Node] = []
        if not singly:
            self._check_events()
            self.jumps = self.jumps_in(self.rates)

    def selection(self, name: str) -> Node:
        """Return what is reported as `name`: `S` an amount, `[S]` a concentration, `S'` a rate of change.

        Raises:
            Uncovered: there is nothing of that name to report.
        """
        content = self.content
        if name == "time":
            return self.graph.input("time")
        if name != bare(name) and bare(name) in content.species:
            return self.scope.concentration(bare(name))
        if name in content.species:
            return self.scope.amount(name)
        if name.endswith("'") and name[:-1] in self._inputs:
            return self.scope.change(name[:-1])
        if name in content.assigned or name in content.reactions or name in self._inputs:
            return self.scope.symbol(name) if "." not in name else self._inputs[name]
        raise Uncovered(f"the selection {name}")

    def selections(self) -> tuple[str, ...]:
        """Return everything that is reported by default."""
        content = self.content
        return (
            *content.species,
            *(
                f"[{name}]"
                for name in content.species
                if content.species[name].compartment not in content.pointlike
            ),
            *(name for name in content.compartments if name not in content.pointlike),
            *content.parameters,
            *self.reactions,
        )

    def stoichiometry(self) -> Matrix | None:
        """Return how much of each state each reaction makes; `None` where that is not constant."""
        columns = {name: index for index, name in enumerate(self.reactions)}
        matrix = np.zeros((len(self.states), len(self.reactions)))
        rows = {name: index for index, name in enumerate(self.states)}
        for name, reaction in self.content.reactions.items():
            for reference in reaction.references:
                row = rows.get(reference.species)
                species = self.content.species[reference.species]
                if row is None or not species.by_reactions:
                    continue
                value = self.graph.constants.get(self.scope.stoichiometry(reference))
                if value is None or species.conversion is not None or name not in columns:
                    return None
                matrix[row, columns[name]] += value
        return matrix

    def moving(self, roots: Sequence[Node]) -> set[Node]:
        """Return the nodes below `roots` that depend on the time or a state."""
        found: set[Node] = set()
        for node in self.graph.reachable(roots):
            kind = self.graph.operations[node]
            if kind in {"time", "state"} or any(part in found for part in self.graph.parts(node)):
                found.add(node)
        return found

    def _reset(self, event: Event) -> Reset:
        first = len(self._draws)
        with self.scope.drawing(self._drawn):
            values = self._assigned(event)
            middle = len(self._draws)
            delay = None if event.delay is None else self.graph.number(self.scope.formula(event.delay))
        names = (*self.states, *self.parameters)
        return Reset(
            trigger=self.scope.truth(event.trigger),
            values=tuple(values[name] for name in names),
            targets=tuple(index for index, name in enumerate(names) if name in event.assignments),
            initially=event.initially,
            persistent=event.persistent,
            uses_trigger_values=event.uses_trigger_values,
            draws=tuple(self._draws[first:middle]),
            delay=delay,
            delay_draws=tuple(self._draws[middle:]),
            priority=None if event.rank is None else self.scope.formula(event.rank),
        )

    def _drawn(self, draw: Draw) -> Node:
        self._draws.append(draw)
        return self.graph.input("draw", len(self._draws) - 1)

    def _assigned(self, event: Event) -> dict[str, Node]:
        """Return the value of each state and parameter after the event."""
        values = dict(self._inputs)
        for name, tree in event.assignments.items():
            if name not in values:
                raise Uncovered(f"an event that sets {name}, which a rule computes")
            value = self.scope.formula(tree)
            values[name] = self._times_volume(value, name, event) if name in self.content.species else value
        return values

    def _times_volume(self, value: Node, name: str, event: Event) -> Node:
        """Return an amount from what an event assigns to a species, at the size the event leaves."""
        species = self.content.species[name]
        compartment = species.compartment
        if species.counts_substance or compartment in self.content.pointlike:
            return value
        if compartment in self.content.assigned and len(event.assignments) > 1:
            raise Uncovered(f"an event that sets {name} while a rule computes the size of its compartment")
        if any(compartment in other.assignments for other in self.content.events if other is not event):
            raise Uncovered(f"an event that sets {name} while another one sets its compartment")
        if event.delay is not None and event.uses_trigger_values and self._is_resized(compartment):
            raise Uncovered(f"an event that sets {name} later, while the size of its compartment changes")
        new, draws = event.assignments.get(compartment), len(self._draws)
        size = self.scope.volume(name) if new is None else self.scope.formula(new)
        if len(self._draws) > draws:
            raise Uncovered(f"an event that sets {name} and draws the size of its compartment")
        return self.graph.make("mul", value, size)

    def _is_resized(self, compartment: str) -> bool:
        content = self.content
        return compartment in {*content.assigned, *content.rates, *content.changed_by_events}

    def _check_events(self) -> None:
        for reset in self.resets:
            moving = self.moving([reset.trigger])
            if any(self.graph.operations[node] in {"eq", "ne", "truth"} for node in moving):
                raise Uncovered("an equality in the trigger of an event")

    def jumps_in(self, roots: Sequence[Node]) -> list[Node]:
        """Return what is constant but for jumps in `roots`: comparisons, numbers rounded to whole ones.

        Raises:
            Uncovered: a root has a factorial that moves.
        """
        jumps = []
        for node in sorted(self.moving(roots)):
            kind = self.graph.operations[node]
            if kind in _RELATIONS or kind in STEPS:
                jumps.append(node)
            elif kind == "rem":
                jumps.append(self.graph.make("trunc", self.graph.make("div", *self.graph.parts(node))))
            elif kind == "factorial":
                raise Uncovered("the factorial of something that changes with time")
        return list(dict.fromkeys(jumps))


def _states(content: Content) -> list[str]:
    touched = {
        reference.species
        for reaction in content.reactions.values()
        for reference in reaction.references
        if content.species[reference.species].by_reactions
    }
    floating = [
        name
        for name in content.species
        if name in content.rates or (name in touched and name not in content.assigned)
    ]
    return floating + [name for name in content.rates if name not in content.species]


def _parameters(content: Content, states: frozenset[str]) -> list[str]:
    derived = content.changed_by_events | content.initial.keys()
    names = [
        *content.parameters,
        *content.compartments,
        *content.species,
        *(name for name in content.references if name in derived),
        *(local(name, own) for name, reaction in content.reactions.items() for own in reaction.local),
    ]
    return [name for name in names if name not in content.assigned and name not in states]
