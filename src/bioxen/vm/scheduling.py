"""Which waiting process runs next: a state machine without a clock or a lock, and a thin runtime around it.

A hypervisor has `slots`: so many processes of its cells may be at a service at once. Whoever cannot run
waits; the highest priority goes first, and among equals the first that came. A cell's ATP share reserves
slots for it, which others leave free; one slot is always anyone's, so that no share can starve the rest.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bioxen.errors import ConfigurationError, OverloadError

RETRY_AFTER = 1.0
"""Seconds after which to try again when the queue is full: about the time of a process."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """One process that wants to run."""

    number: int
    """The order of arrival."""
    vm_id: str
    priority: int


@dataclass(slots=True)
class Schedule:
    """Who runs and who waits. Every method returns the tickets that may start because of it."""

    slots: int
    queue_limit: int
    waiting: list[Ticket] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)
    """Cell → number of its processes that run."""
    reserved: dict[str, int] = field(default_factory=dict)
    """Cell → slots kept for it."""

    def __post_init__(self) -> None:
        if self.slots < 1 or self.queue_limit < 0:
            raise ConfigurationError("A schedule needs at least one slot and a queue of at least 0.")

    def arrive(self, ticket: Ticket) -> list[Ticket]:
        """Let a ticket in.

        Raises:
            OverloadError: it would have to wait, and the queue is full.
        """
        if not self._fits(ticket) and len(self.waiting) >= self.queue_limit:
            raise OverloadError(
                f"{len(self.waiting)} processes wait in the hypervisor already.",
                details={"retry_after": RETRY_AFTER, "remedy": f"Try again in {RETRY_AFTER:g} s."},
            )
        self.waiting.append(ticket)
        return self._start()

    def leave(self, ticket: Ticket) -> list[Ticket]:
        """Take note that a ticket's process ended."""
        self.running[ticket.vm_id] -= 1
        if not self.running[ticket.vm_id]:
            del self.running[ticket.vm_id]
        return self._start()

    def give_up(self, ticket: Ticket) -> list[Ticket]:
        """Take a ticket back that still waits."""
        self.waiting.remove(ticket)
        return self._start()

    def reserve(self, vm_id: str, share: float) -> list[Ticket]:
        """Keep a `share` (0 to 1) of all slots but one for a cell; 0 keeps none."""
        kept = int(share * (self.slots - 1) + 1e-9)
        self.reserved.pop(vm_id, None)
        if kept:
            self.reserved[vm_id] = kept
        return self._start()

    def _start(self) -> list[Ticket]:
        started = []
        for ticket in sorted(self.waiting, key=lambda waiting: (-waiting.priority, waiting.number)):
            if self._fits(ticket):
                self.waiting.remove(ticket)
                self.running[ticket.vm_id] += 1
                started.append(ticket)
        return started

    def _fits(self, ticket: Ticket) -> bool:
        running = self.running.total()
        if running >= self.slots:  # also where reservations came after the processes that now run
            return False
        if self.running[ticket.vm_id] < self.reserved.get(ticket.vm_id, 0):
            return True
        kept_free = sum(max(0, kept - self.running[cell]) for cell, kept in self.reserved.items())
        return running + kept_free < self.slots


class Turns:
    """Lets threads run as a schedule says."""

    def __init__(self, slots: int = 16, queue_limit: int = 1000) -> None:
        self._schedule = Schedule(slots, queue_limit)
        self._changed = threading.Condition()
        self._number = 0
        self._started: set[Ticket] = set()

    @contextmanager
    def turn(self, vm_id: str, priority: int) -> Iterator[None]:
        """Wait for a slot, and hold it for the length of the `with` block.

        Raises:
            OverloadError: the queue is full.
        """
        ticket = self._wait(vm_id, priority)
        try:
            yield
        finally:
            with self._changed:
                self._begin(self._schedule.leave(ticket))

    def reserve(self, vm_id: str, share: float) -> None:
        """Keep a share of the slots for a cell; 0 keeps none."""
        with self._changed:
            self._begin(self._schedule.reserve(vm_id, share))

    def counts(self) -> tuple[int, int]:
        """Return how many processes run and how many wait."""
        with self._changed:
            return self._schedule.running.total(), len(self._schedule.waiting)

    def _wait(self, vm_id: str, priority: int) -> Ticket:
        with self._changed:
            self._number += 1
            ticket = Ticket(self._number, vm_id, priority)
            self._begin(self._schedule.arrive(ticket))
            try:
                self._changed.wait_for(lambda: ticket in self._started)
            except BaseException:  # an interrupt while waiting must not leave the ticket in the queue
                if ticket in self._started:
                    self._started.discard(ticket)
                    self._begin(self._schedule.leave(ticket))
                else:
                    self._begin(self._schedule.give_up(ticket))
                raise
            self._started.discard(ticket)
            return ticket

    def _begin(self, tickets: list[Ticket]) -> None:
        if tickets:
            self._started.update(tickets)
            self._changed.notify_all()
