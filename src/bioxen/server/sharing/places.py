"""Who computes and who waits: a state machine without a clock, a loop or a lock.

So many computations may be under way; the others wait in a line for each owner, and of the owners the one
comes next that was given least time since there is a line (`FairQueue`). When nobody waits any more all of
that is forgotten: who had an idle server to themselves owes nobody anything.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bioxen.server.sharing.fairness import FairQueue

FIRST_GUESS, WEIGHT = 0.1, 0.1
"""Seconds that a computation takes while none was seen, and what the last one seen weighs in the mean."""


@dataclass(frozen=True, slots=True)
class _UnderWay:
    owner: str
    queue: FairQueue
    """Where its owner's time is kept; another one is in use once nobody waited in between."""
    expected: float


class Places:
    """Places for computations, and a line for them.

    Args:
        width: computations under way at once; `None` for any number.
        per_owner: how many of one owner may wait.
    """

    def __init__(self, width: int | None, per_owner: int) -> None:
        self.width, self.per_owner = width, per_owner
        self._queue = FairQueue()
        self._waiting: dict[int, str] = {}
        self._of_owner: Counter[str] = Counter()
        self._under_way: dict[int, _UnderWay | None] = {}
        """The computations that began; nothing is noted of those that had no line before them."""
        self._mean = FIRST_GUESS

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def under_way(self) -> int:
        """How many have begun."""
        return len(self._under_way)

    @property
    def has_room(self) -> bool:
        """Whether one more may begin."""
        return self.width is None or len(self._under_way) < self.width

    def has_line_for(self, owner: str) -> bool:
        """Return whether one more of this owner may wait."""
        return self._of_owner[owner] < self.per_owner

    @property
    def wait(self) -> float:
        """Seconds until the line has probably moved on: the mean time of recent computations tells."""
        return round(max(0.05, self._mean * (self.waiting + 1) / (self.width or 1)), 3)

    # Events. Those that return numbers return the ones that begin because of them.

    def arrive(self, number: int, owner: str) -> bool:
        """Let one in; return whether it begins at once."""
        if self.has_room:  # then nobody waits
            self._under_way[number] = None
            return True
        self._waiting[number] = owner
        self._of_owner[owner] += 1
        self._queue.add(owner, str(number), 0)
        return False

    def end(self, number: int, seconds: float) -> list[int]:
        """Note that one is over after `seconds`."""
        known = self._under_way.pop(number)
        if known is not None:
            known.queue.expect(known.owner, -known.expected)
            known.queue.charge(known.owner, seconds)
        self._mean += WEIGHT * (seconds - self._mean)
        return self._begin()

    def leave(self, number: int) -> list[int]:
        """Take one out that gave up, whether it waits or has just begun."""
        if number in self._under_way:
            return self.end(number, 0.0)
        self._queue.remove(self._waiting[number], str(number))
        self._step_out(number)
        return []

    def widen(self, width: int | None) -> list[int]:
        """Set how many may be under way."""
        self.width = width
        return self._begin()

    def _begin(self) -> list[int]:
        begun = []
        while self._waiting and self.has_room and (first := self._queue.first()) is not None:
            owner, name = first
            self._queue.remove(owner, name)
            self._queue.expect(owner, self._mean)
            self._under_way[int(name)] = _UnderWay(owner, self._queue, self._mean)
            self._step_out(int(name))
            begun.append(int(name))
        return begun

    def _step_out(self, number: int) -> None:
        owner = self._waiting.pop(number)
        self._of_owner[owner] -= 1
        if not self._waiting:
            self._queue = FairQueue()
            self._of_owner.clear()
