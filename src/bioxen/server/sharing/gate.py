"""Requests that wait for their answers take turns here, by owner, before they go to the workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count

from bioxen.errors import OverloadError
from bioxen.server.sharing import owners
from bioxen.server.sharing.places import Places

PATIENCE = 60.0
"""Seconds that a request waits for its turn."""
PER_OWNER = 1000
"""Requests of one owner that may wait."""


class Gate:
    """Lets a bounded number of computations pass at once; belongs to one event loop.

    Args:
        width: computations under way at once; `None` until it is known, and then none waits.
        per_owner: how many of one owner may wait.
        patience: seconds that one waits before it is refused; `None` for as long as its client does.
    """

    def __init__(
        self, width: int | None = None, *, per_owner: int = PER_OWNER, patience: float | None = PATIENCE
    ) -> None:
        self._places = Places(width, per_owner)
        self._patience = patience
        self._turns: dict[int, asyncio.Future[None]] = {}
        self._numbers = count()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._places.waiting

    def widen(self, width: int | None) -> None:
        """Set how many may be under way."""
        self._wake(self._places.widen(width))

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn of the owner for whom this code works, and hold it for the length of the block.

        Whoever works for nobody passes: jobs have taken their turns elsewhere.

        Raises:
            OverloadError: the owner's line is full, or the turn did not come in time.
        """
        owner = owners.current()
        if owner is None:
            yield
            return
        number = next(self._numbers)
        if not self._places.has_room and not self._places.has_line_for(owner):
            raise self._overload(f"{self._places.per_owner} requests of the owner {owner} wait already.")
        if not self._places.arrive(number, owner):
            await self._come(number, owner)
        start = time.monotonic()
        try:
            yield
        finally:
            self._wake(self._places.end(number, time.monotonic() - start))

    async def _come(self, number: int, owner: str) -> None:
        """Wait until it is the turn of `number`."""
        self._turns[number] = turn = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:  # its client may have hung up just when the turn came
            self._turns.pop(number, None)
            self._wake(self._places.leave(number))
            if isinstance(error, TimeoutError):
                words = f"A request of the owner {owner} waited {self._patience:g} s for its turn."
                raise self._overload(words) from None
            raise

    def _wake(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            turn = self._turns.pop(number)
            if not turn.done():  # else it is just being cancelled, and will say that it leaves
                turn.set_result(None)

    def _overload(self, words: str) -> OverloadError:
        wait = self._places.wait
        details = {"retry_after": wait, "remedy": f"Try again in {wait:g} s, or hand in a job."}
        return OverloadError(words, details=details)
