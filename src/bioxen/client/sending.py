"""What carries a request to an orchestrator, for whoever does not care where that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from bioxen.client.transport import Answer


class Sender(Protocol):
    """Sends requests, again where the connection drops and `tries` are left."""

    def __call__(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] = ...,
        *,
        tries: int = ...,
    ) -> Answer:
        """Return the answer."""
        ...
