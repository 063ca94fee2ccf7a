"""Jobs that take turns: those of one cell run one after another, each from where the last one ended."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Line:
    holder: str | None = None
    waiting: list[tuple[int, int, str]] = field(default_factory=list)
    """A heap of (−priority, order of arrival, job)."""


class Turns:
    """Lines of jobs, by what they wait for. A job that was never lined up has its turn at once."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], _Line] = {}
        self._of: dict[str, tuple[tuple[str, str], int, int]] = {}
        self._arrivals = 0

    def line_up(self, job: str, owner: str, vm_id: str, priority: int) -> None:
        """Note that a job is one of this cell's."""
        self._arrivals += 1
        self._of[job] = ((owner, vm_id), priority, self._arrivals)

    def take(self, job: str) -> bool:
        """Return whether it is the job's turn; where it is not, `leave` will name the job once it is."""
        if job not in self._of:
            return True
        key, priority, arrival = self._of[job]
        line = self._lines.setdefault(key, _Line())
        if line.holder is None or line.holder == job:
            line.holder = job
            return True
        heapq.heappush(line.waiting, (-priority, arrival, job))
        return False

    def leave(self, job: str) -> tuple[str, int] | None:
        """End a job's turn; return the job that comes next, with its priority."""
        if job not in self._of:
            return None
        key, _, _ = self._of.pop(job)
        line = self._lines.get(key)
        if line is None or line.holder != job:
            return None
        while line.waiting:
            negative, _, following = heapq.heappop(line.waiting)
            if following in self._of:  # else it was cancelled while it waited
                line.holder = following
                return following, -negative
        del self._lines[key]
        return None
