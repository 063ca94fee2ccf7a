"""Looks at the memory of workers while they compute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from bioxen.server.workers import guard
from bioxen.server.workers.link import Link, Ticket

_EVERY = 0.05


class MemoryWatch:
    """A timer that runs only while a worker computes: an idle pool does not wake its machine.

    Args:
        links: the workers.
        limit: bytes of resident memory each may hold.
        on_hunger: called with the task whose worker holds more, and how much that is.
    """

    def __init__(
        self, links: Mapping[int, Link], limit: int, on_hunger: Callable[[Ticket, int], None]
    ) -> None:
        self._links, self._limit, self._on_hunger = links, limit, on_hunger
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look from now on until no worker computes."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        for link in list(self._links.values()):
            if link.ticket is not None:
                self._look_at(link, link.ticket)
                self.start()

    def _look_at(self, link: Link, ticket: Ticket) -> None:
        link.capture.trim()
        used = guard.resident_memory(link.pid)
        if used > self._limit:
            self._on_hunger(ticket, used)
