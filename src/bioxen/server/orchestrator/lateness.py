"""How late an event loop is: what it had no time for was no fault of whoever it waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY = 0.1
"""Seconds between two looks at the clock. A loop with less to do in each round than that is not late."""
MOSTLY = 0.5
"""The share of a wait from which on it was this loop that made it long."""


class Lateness:
    """Seconds by which the running event loop came too late to a timer, added up while somebody waits."""

    def __init__(self) -> None:
        self._late = self._due = 0.0
        self._waiting = 0
        self._timer: asyncio.TimerHandle | None = None

    @contextmanager
    def watched(self) -> Iterator[Callable[[], bool]]:
        """Give a function that tells whether the time since the block began was mostly lost by this loop."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._look_later(loop)
        self._waiting += 1
        start, before = loop.time(), self._total(loop)
        try:
            yield lambda: self._total(loop) - before > MOSTLY * (loop.time() - start)
        finally:
            self._waiting -= 1
            if not self._waiting and self._timer is not None:
                self._timer.cancel()

    def _total(self, loop: asyncio.AbstractEventLoop) -> float:
        return self._late + max(0.0, loop.time() - self._due)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._late = self._total(loop)
        self._look_later(loop)

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due = loop.time() + EVERY
        self._timer = loop.call_at(self._due, self._look, loop)
