"""A connection that waits for its client, but not for ever, and that knows how many there may be.

uvicorn lets a client take as long as it likes to send a request and to read its answer, and accepts
connections until no file can be opened any more, whereupon workers, results and replicas fail as well.
"""

from __future__ import annotations

import asyncio
import json
import resource
from functools import cache
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bioxen.errors import BioXenErrorCode, BioXenException, OverloadError

PATIENCE = 20.0
"""Seconds in which a request must have arrived, and one more for each `RATE` bytes of it."""
RATE = 10_000
READER_PATIENCE = 300.0
"""Seconds in which a client must take some of an answer that is too large for the buffers."""
_HEAD = b"HTTP/1."
"""How a head begins."""
SPARE = 256
"""Files kept for other things than connections: the store, workers, results."""


def raise_file_limit() -> None:
    """Let this process open as many files as it may: the usual soft limit is for programs with few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@cache
def most_connections() -> int:
    """Return how many connections are accepted: an orchestrator opens one more file for each of them."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (soft - min(SPARE, soft // 4) - _most_refused()) // 2


@cache
def _most_refused() -> int:
    """Return how many more are kept until they can be told that they are too many; the rest is cut off."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft // 20


class OnePiece:
    """A transport that sends the head of an answer together with what follows it.

    uvicorn writes the head by itself, and an event loop sends what is written at once: that is one more
    system call here, and the client wakes up for a head that it can do nothing with.

    Args:
        transport: the connection's own.
        loop: the event loop; it sends a head that nothing has followed in its next round.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head = b""
        self._sending: asyncio.Handle | None = None

    def __getattr__(self, name: str) -> Any:
        """Return what the transport has: it does everything but writing."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data`, or keep it for a moment where it is a head."""
        if self._sending is not None:
            self._transport.writelines((self._taken(), data))
        elif data.startswith(_HEAD):
            self._head, self._sending = data, self._loop.call_soon(self._send)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Send what is kept, and close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._sending is not None and not self._transport.is_closing():
            self._transport.write(self._taken())

    def _taken(self) -> bytes:
        if self._sending is not None:
            self._sending.cancel()
        head, self._head, self._sending = self._head, b"", None
        return head


class Connection(HttpToolsProtocol):
    """One connection; the timers are for requests and answers in pieces, most need none."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._arriving = False
        self._arrived = 0
        self._began = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None
        self._too_many = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Wait for a request; a connection that is one too many is told so when it asks."""
        super().connection_made(cast("asyncio.Transport", OnePiece(transport, self.loop)))
        over = len(self.connections) - most_connections()
        if over > _most_refused():
            transport.abort()
            return
        self._too_many = over > 0
        self._began = self.loop.time()
        self._arm(PATIENCE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._disarm()
        self.resume_writing()
        super().connection_lost(exc)

    # The request

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request."""
        if self._too_many:
            self._refuse(_too_many(), HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._arrived += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._disarm()
        elif self._arriving or self._is_idle():  # blank lines before a request are no request
            if self._timer is None:
                self._began = self.loop.time()
                self._arm(PATIENCE)
        else:
            self._disarm()

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        super().on_message_begin()
        self._arriving, self._arrived = True, 0

    def on_message_complete(self) -> None:
        """Note that it is here."""
        super().on_message_complete()
        self._arriving = False

    def _is_idle(self) -> bool:
        return self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete)

    def _arm(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._look)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        left = self._began + PATIENCE + self._arrived / RATE - self.loop.time()
        if left <= 0 and not self.flow.read_paused:
            self._give_up()
        else:
            self._arm(max(left, 1.0))  # where reading pauses, it is the service that is slow

    def _give_up(self) -> None:
        if self._arriving and (self.cycle is None or not self.cycle.response_started):
            self._refuse(_too_slow(), HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, error: BioXenException, status: HTTPStatus) -> None:
        body = json.dumps(error.to_problem() | {"status": status}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nretry-after: 1\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    # The answer

    def pause_writing(self) -> None:
        """Wait for a client that takes nothing, for a while."""
        super().pause_writing()
        if self._reader_timer is None:
            self._reader_timer = self.loop.call_later(READER_PATIENCE, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has taken something."""
        super().resume_writing()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None


def _too_many() -> BioXenException:
    return OverloadError(
        f"This service has {most_connections()} connections, as many as it may have.",
        details={
            "retry_after": 1,
            "remedy": "Try again in a second, or ask more on fewer connections.",
        },
    )


def _too_slow() -> BioXenException:
    return BioXenException(
        "The request did not arrive in time.",
        BioXenErrorCode.API_VALIDATION_ERROR,
        {"remedy": f"Send it within {PATIENCE:g} s, and one second more for each {RATE} bytes."},
    )
