"""The jobs of which something is left to start, and when each may: owners share, cells take turns."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from bioxen.server.jobs.turns import Turn, Turns
from bioxen.server.sharing.fairness import FairQueue


class Line:
    """Owners share the slots; of the jobs of one cell the next comes when there is room beside the others."""

    def __init__(self) -> None:
        self._queue = FairQueue()
        self._turns = Turns()
        self._moved = asyncio.Event()

    def join(self, owner: str, job_id: str, priority: int, turn: Turn | None) -> None:
        """Let a job in; a process of a cell waits for its turn."""
        if turn is not None:
            self._turns.line_up(job_id, owner, priority, turn)
        self._queue.add(owner, job_id, priority)
        self._moved.set()

    def rejoin(self, owner: str, job_id: str, priority: int) -> None:
        """Let a job in once more: there is again something of it to start. Its turn is still its own."""
        self._queue.remove(owner, job_id)
        self._queue.add(owner, job_id, priority)
        self._moved.set()

    def first(self, full: Collection[str], begun: Collection[str]) -> tuple[str, str] | None:
        """Return the owner and the job that come next; see `FairQueue.first`."""
        return self._queue.first(full, begun)

    def take_turn(self, job_id: str) -> bool:
        """Return whether the job may begin, as far as others of its cell are concerned."""
        return self._turns.take(job_id)

    def step_out(self, owner: str, job_id: str) -> None:
        """Take out a job of which nothing is to be started for now; its turn stays its own."""
        self._queue.remove(owner, job_id)

    def leave(self, owner: str, job_id: str) -> None:
        """Take out a job of which nothing more starts; where others wait for its cell, the next one comes."""
        self._queue.remove(owner, job_id)
        self._let_in(owner, self._turns.leave(job_id))

    def limit_cell(self, owner: str, vm_id: str, limit: int | None) -> None:
        """Set how many jobs of a cell that do not advance it may run at once."""
        self._let_in(owner, self._turns.limit(owner, vm_id, limit))

    def charge(self, owner: str, seconds: float) -> None:
        """Note computing time that an owner was given."""
        self._queue.charge(owner, seconds)

    def nudge(self) -> None:
        """Wake whoever waits for `moved`: a slot is free."""
        self._moved.set()

    def look(self) -> None:
        """Note that whatever moved until now is about to be seen."""
        self._moved.clear()

    async def moved(self) -> None:
        """Wait until something happened since the last `look`."""
        await self._moved.wait()

    def _let_in(self, owner: str, following: Sequence[tuple[str, int]]) -> None:
        for job_id, priority in following:
            self._queue.add(owner, job_id, priority)
            self._moved.set()
