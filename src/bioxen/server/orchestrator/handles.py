"""What replicas call the large texts that they were sent: each text goes to each replica once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bioxen.server.bytecode.lately import Digests
from bioxen.server.bytecode.recent import Recent
from bioxen.server.cache.flights import Flights
from bioxen.server.orchestrator.texts import is_handle

REMEMBERED = 4096
"""Handles remembered, of all replicas together."""
_ENTRY = 512
"""Bytes that one takes, about."""

Send = Callable[[], Coroutine[Any, Any, bytes]]
"""Sends a text to a replica and returns what that answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """What a replica calls a text since it was last sent there."""

    name: str


class Handles:
    """The handles of texts at replicas, for one event loop."""

    def __init__(self) -> None:
        self._digests = Digests()
        self._handles: Recent[tuple[str, str], Handle] = Recent(REMEMBERED, REMEMBERED * _ENTRY)
        self._sending = Flights()

    async def find(self, url: str, text: str, send: Send) -> Handle | None:
        """Return what the replica at `url` calls `text`, which is sent there if it was not yet.

        Many ask at once, as the parts of a large request do: one of them sends, the others wait for it.

        Returns:
            `None` where the replica gives no handle.
        """
        key = url, self._digests.of(text)
        known = self._handles.get(key)
        if known is not None:
            return known
        answer = await self._sending.join(key, send)
        known = self._handles.get(key)  # what one waiter has noted holds for all
        if known is None and is_handle(name := answer.decode(errors="replace")):
            known = Handle(name)
            self._handles.put(key, known, _ENTRY)
        return known

    def forget(self, url: str, text: str, handle: Handle) -> None:
        """Note that the replica lacks the text, unless it was sent there anew since `handle` was given."""
        key = url, self._digests.of(text)
        if self._handles.get(key) is handle:
            self._handles.pop(key)
