"""The `deadline` of a request that is computed in parts: it holds for all of them together.

Waiting is no computing, so the time begins when a worker takes the first part. When that was is known from
the first answer on: before it came, the worker was busy with it for so many seconds. Until then the part's
own deadline, which is the same, holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from bioxen.errors import ComputationTimeoutError
from bioxen.server.cache import status as cache_status


class Allowance:
    """What is left of the time that a whole request may take.

    Args:
        deadline: seconds for the whole; `None` where the request sets none.
    """

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._ends: float | None = None

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Learn from the part that is computed in this block when the first of all began."""
        loop = asyncio.get_running_loop()
        asked = loop.time()
        with cache_status.watching() as seen:
            yield
        cache_status.tell(seen)
        now = loop.time()
        self.began(asked if seen.origin is None else max(asked, now - seen.seconds))

    def began(self, when: float) -> None:
        """Note that a part began then, on the clock of the event loop."""
        if self._deadline is not None:
            ends = when + self._deadline
            self._ends = ends if self._ends is None else min(self._ends, ends)

    def left(self) -> float | None:
        """Return the seconds that are left, 0 at least; `None` where nothing limits them, or not yet."""
        return None if self._ends is None else max(0.0, self._ends - asyncio.get_running_loop().time())

    def over(self, done: int, total: int, of: str) -> ComputationTimeoutError:
        """Return the error that says so, with how much was done, and `of` what."""
        return ComputationTimeoutError(
            f"The computation was stopped after {self._deadline:g} s, with {done} of {total} {of} done.",
            details={
                "place": "deadline",
                "deadline": self._deadline,
                "remedy": "The deadline holds for all parts together: give a longer one, or ask for less.",
            },
        )
