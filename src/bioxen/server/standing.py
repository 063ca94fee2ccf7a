"""Tasks that run as long as their server; where one ends by itself, the server only looks alive."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

log = logging.getLogger("bioxen.server")


class StandingTasks:
    """Tasks without an end."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        """What has ended and should not have; only a new start mends it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def start(self, does: str, life: Coroutine[None, None, None]) -> None:
        """Start a task that `does` something, in the words of the person who reads that it has ended."""
        task = asyncio.create_task(life)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._note_end(does, done))

    async def stop(self) -> None:
        """Stop all of them."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note_end(self, does: str, task: asyncio.Task[None]) -> None:
        if self._closing:
            return
        error = None if task.cancelled() else task.exception()
        log.critical("The task that %s has ended: this server must be started again.", does, exc_info=error)
        self.trouble = self.trouble or f"The task that {does} has ended."
