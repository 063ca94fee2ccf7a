"""The turns of owners at one service: whoever waits for an answer, and apart from them what may wait."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from bioxen.server.sharing.gate import Gate
from bioxen.server.workers import urgency


class ServiceGate:
    """What orchestrated requests pass on their way to the replicas of a service.

    Parts of large requests have places of their own, as they have a line of their own in the replicas. They
    wait for their turns as long as their client does: a request that makes progress is not given up.

    Args:
        per_owner: how many of one owner may wait in each line.
    """

    def __init__(self, per_owner: int) -> None:
        self._usual = Gate(per_owner=per_owner)
        self._background = Gate(per_owner=per_owner, patience=None)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._usual.waiting + self._background.waiting

    def widen(self, width: int | None) -> None:
        """Set how many of each kind may be under way; `None` for any number."""
        self._usual.widen(width)
        self._background.widen(width)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait for a turn, and hold it for the length of the block (`Gate.turn`)."""
        return (self._background if urgency.is_background() else self._usual).turn()
