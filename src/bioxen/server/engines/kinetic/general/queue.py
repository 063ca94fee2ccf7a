"""Events: when they are triggered, wait, and are carried out, and in which order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bioxen.server.engines.kinetic.general.equations import Event
from bioxen.server.engines.kinetic.general.system import System
from bioxen.server.engines.kinetic.runner import Firing, SolverFailure

_MOST_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class _Pending:
    """One triggered event."""

    number: int
    triggered: float
    time: float
    """When it is due."""
    values: tuple[float, ...] | None
    """What it assigns, where that was fixed when it was triggered."""


class Queue:
    """The events of one trajectory.

    Of the events due at the same time the one with the highest priority goes first; equal priorities are
    drawn from the seed. Events without a priority come after those with one, in the model's order.
    """

    def __init__(self, system: System, seed: int) -> None:
        self._system = system
        self._events = system.equations.events
        self._was = [event.initial for event in self._events]
        self._pending: list[_Pending] = []
        self._random = np.random.Generator(np.random.Philox(seed))
        self.ties = 0
        """How often the order was drawn."""
        self.firings: list[Firing] = []
        """What events did, in its order."""

    def next_time(self) -> float:
        """Return when the next waiting event is due."""
        return min((pending.time for pending in self._pending), default=math.inf)

    def settle(self, time: float) -> bool:
        """Trigger and carry out everything that is due at `time`; return whether anything was carried out.

        Raises:
            SolverFailure: events set each other off without end.
        """
        for count in range(_MOST_AT_ONCE):
            self._look(time)
            due = [pending for pending in self._pending if pending.time <= time]
            if not due:
                return count > 0
            chosen = self._choose(due, time)
            self._pending.remove(chosen)
            self._carry_out(chosen, time)
        raise SolverFailure(f"events set each other off without end at time {time:g}")

    def _look(self, time: float) -> None:
        """Compare every trigger with what it was."""
        system = self._system
        values = system.compute(time, system.state)
        now = [bool(event.trigger(time, values, system.note, system.delayed)) for event in self._events]
        for number, event in enumerate(self._events):
            if now[number] and not self._was[number]:
                self._pending.append(self._triggered(number, event, time))
            elif self._was[number] and not now[number] and not event.persistent:
                self._pending = [pending for pending in self._pending if pending.number != number]
        self._was = now

    def _triggered(self, number: int, event: Event, time: float) -> _Pending:
        system = self._system
        wait = 0.0
        if event.delay is not None:
            wait = float(event.delay(time, system.values, system.note, system.delayed))
            if not wait >= 0:
                raise SolverFailure(f"the delay of an event is {wait:g} at time {time:g}")
        self.firings.append(Firing("trigger", time, event.name))
        values = self._assigned(event, time) if event.at_trigger else None
        return _Pending(number, time, time + wait, values)

    def _assigned(self, event: Event, time: float) -> tuple[float, ...]:
        system = self._system
        return tuple(
            float(formula(time, system.values, system.note, system.delayed))
            for _, formula in event.assignments
        )

    def _choose(self, due: list[_Pending], time: float) -> _Pending:
        if len(due) == 1:
            return due[0]
        system = self._system
        ranked: list[tuple[float, _Pending]] = []
        for pending in due:
            priority = self._events[pending.number].priority
            if priority is not None:
                ranked.append((float(priority(time, system.values, system.note, system.delayed)), pending))
        if not ranked:
            return min(due, key=lambda pending: pending.number)
        highest = max(rank for rank, _ in ranked)
        equals = [pending for rank, pending in ranked if rank == highest]
        if len(equals) == 1:
            return equals[0]
        self.ties += 1
        return equals[int(self._random.integers(len(equals)))]

    def _carry_out(self, pending: _Pending, time: float) -> None:
        """Assign everything at once: compartments first, since they turn concentrations into amounts."""
        system, equations = self._system, self._system.equations
        event = self._events[pending.number]
        given = pending.values if pending.values is not None else self._assigned(event, time)
        new = dict(zip((name for name, _ in event.assignments), given, strict=True))
        if not all(map(math.isfinite, given)):
            raise SolverFailure(f"an event assigns no finite number to {', '.join(new)} at time {time:g}")
        values = system.values
        kept = [(entry, values[entry.amount]) for entry in equations.motion.concentrations]
        for name in sorted(new, key=lambda name: name not in equations.layout.compartments):
            values[equations.layout.slots[name]] = new[name]
        for entry, amount in kept:  # a new volume leaves amounts as they are
            if (
                equations.layout.names[entry.symbol] not in new
                and equations.layout.names[entry.compartment] in new
            ):
                values[entry.symbol] = amount / values[entry.compartment]
        for entry in equations.motion.amounts:
            if equations.layout.names[entry.symbol] in new:
                values[entry.amount] = values[entry.symbol] * values[entry.compartment]
        self.firings.append(Firing("assignment", time, event.name, pending.triggered))
        system.take_state()
        if system.implicit:
            system.implicit.restart(time)
        else:
            system.compute(time, system.state)
