"""Whose work comes next: a queue without a clock or a lock, for jobs and for requests that wait.

Owners share the slots equally: the one that was given least computing time so far comes first, whatever the
others have queued. An owner who comes back after a pause starts level with the others: nobody saves up time.
Among one owner's jobs the highest priority goes first, and among equals the first that came.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Share:
    """One owner's jobs, and the computing time the owner was given."""

    used: float = 0.0
    expected: float = 0.0
    """What its work under way will probably add."""
    jobs: list[tuple[int, int, str]] = field(default_factory=list)
    """A heap of (−priority, order of arrival, job)."""

    def first(self, among: Collection[str] | None) -> str | None:
        """Return the job that comes next, of all or `among` these."""
        if among is None:
            return self.jobs[0][2] if self.jobs else None
        return min((entry for entry in self.jobs if entry[2] in among), default=(0, 0, None))[2]


class FairQueue:
    """Jobs that have something left to start, by owner."""

    def __init__(self) -> None:
        self._shares: dict[str, _Share] = {}
        self._arrivals = 0
        self._level = 0.0
        """The least time that anyone who waited was given when somebody was served; newcomers start there."""

    def __len__(self) -> int:
        return sum(len(share.jobs) for share in self._shares.values())

    def add(self, owner: str, job: str, priority: int) -> None:
        """Let a job in."""
        share = self._shares.setdefault(owner, _Share())
        if not share.jobs:
            share.used = max(share.used, self._level)
        self._arrivals += 1
        heapq.heappush(share.jobs, (-priority, self._arrivals, job))

    def first(self, full: Collection[str] = (), begun: Collection[str] = ()) -> tuple[str, str] | None:
        """Return the owner and the job that come next; `None` where nothing may start.

        Args:
            full: owners of whom no further job may begin.
            begun: jobs that have begun, of which further parts may start all the same.
        """
        waiting = [
            (share.used + share.expected, owner, job)
            for owner, share in self._shares.items()
            if (job := share.first(begun if owner in full else None)) is not None
        ]
        if not waiting:
            return None
        self._level = max(self._level, min(self._shares[owner].used for _, owner, _ in waiting))
        _, owner, job = min(waiting)
        return owner, job

    def remove(self, owner: str, job: str) -> None:
        """Take out a job: nothing of it is left to start."""
        share = self._shares.get(owner)
        if share is None:
            return
        if share.first(None) == job:  # as a rule
            heapq.heappop(share.jobs)
        else:
            share.jobs = [entry for entry in share.jobs if entry[2] != job]
            heapq.heapify(share.jobs)

    def charge(self, owner: str, seconds: float) -> None:
        """Note computing time that an owner was given."""
        self._shares.setdefault(owner, _Share()).used += seconds

    def expect(self, owner: str, seconds: float) -> None:
        """Note what work that begins will probably take, or with a minus, what it was expected to take."""
        self._shares.setdefault(owner, _Share()).expected += seconds
