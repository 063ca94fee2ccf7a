"""A transport for tests: what it is sent, a handler answers, in the words of an HTTP library."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx2

from bioxen.client.transport import Answer

Handler = Callable[[httpx2.Request], httpx2.Response]


class HandlerTransport:
    """Gives each request to `handler`; a `TransportError` that it raises is what the client meets."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.patience: list[float] = []
        self.closed = 0

    def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], patience: float
    ) -> Answer:
        self.patience.append(patience)
        answer = self.handler(httpx2.Request(method, url, content=body, headers=dict(headers)))
        return Answer(url, answer.status_code, dict(answer.headers.items()), answer.read())

    def close(self) -> None:
        self.closed += 1
