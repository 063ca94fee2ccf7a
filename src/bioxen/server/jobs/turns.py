"""Jobs that take turns: one that advances its cell runs alone, from where the last one ended.

Those that leave the cell where it is may run side by side, as many as the cell's quota says. None overtakes a
job of the same priority that waits.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Turn:
    """What a job waits for: its cell."""

    vm_id: str
    advances: bool = True
    limit: int | None = 1
    """How many that advance nothing may run at once; null for any number."""


@dataclass(slots=True)
class _Line:
    limit: int | None = 1
    jobs: int = 0
    """Those that run, wait, or have not asked yet."""
    running: dict[str, bool] = field(default_factory=dict)
    """Job → whether it advances the cell."""
    waiting: list[tuple[int, int, str]] = field(default_factory=list)
    """A heap of (−priority, order of arrival, job)."""

    def has_room(self, advances: bool) -> bool:
        """Return whether a job may run beside those that do."""
        if not self.running:
            return True
        alone = advances or any(self.running.values())
        return not alone and (self.limit is None or len(self.running) < self.limit)


@dataclass(frozen=True, slots=True)
class _Place:
    key: tuple[str, str]
    priority: int
    arrival: int
    advances: bool


class Turns:
    """Lines of jobs, by the cell they wait for. A job that was never lined up has its turn at once."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], _Line] = {}
        self._of: dict[str, _Place] = {}
        self._arrivals = 0

    def line_up(self, job: str, owner: str, priority: int, turn: Turn) -> None:
        """Note that a job is one of a cell's."""
        self._arrivals += 1
        key = (owner, turn.vm_id)
        line = self._lines.setdefault(key, _Line())
        line.limit, line.jobs = turn.limit, line.jobs + 1
        self._of[job] = _Place(key, priority, self._arrivals, turn.advances)

    def take(self, job: str) -> bool:
        """Return whether it is the job's turn; where it is not, `leave` will name the job once it is."""
        place = self._of.get(job)
        if place is None:
            return True
        line = self._lines[place.key]
        if job in line.running:
            return True
        if not line.waiting and line.has_room(place.advances):
            line.running[job] = place.advances
            return True
        heapq.heappush(line.waiting, (-place.priority, place.arrival, job))
        return False

    def leave(self, job: str) -> list[tuple[str, int]]:
        """End a job's turn, or its wait; return the jobs that come next, with their priorities."""
        place = self._of.pop(job, None)
        if place is None:
            return []
        line = self._lines[place.key]
        line.jobs -= 1
        line.running.pop(job, None)
        if not line.jobs:
            del self._lines[place.key]
        return self._following(line)

    def limit(self, owner: str, vm_id: str, limit: int | None) -> list[tuple[str, int]]:
        """Set how many jobs of a cell may run side by side; return those that come now, as `leave` does."""
        line = self._lines.get((owner, vm_id))
        if line is None:
            return []
        line.limit = limit
        return self._following(line)

    def _following(self, line: _Line) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        while line.waiting:
            negative, _, job = line.waiting[0]
            place = self._of.get(job)  # none where it was cancelled while it waited
            if place is not None and not line.has_room(place.advances):
                break
            heapq.heappop(line.waiting)
            if place is not None:
                line.running[job] = place.advances
                found.append((job, -negative))
        return found
