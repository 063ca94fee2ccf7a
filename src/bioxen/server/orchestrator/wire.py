"""The wire between an orchestrator and its replicas: one request, one answer, and why there is none."""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Callable, Mapping

import aiohttp

from bioxen.server.cache import fresh
from bioxen.server.orchestrator.callers import HinderedError, NoAnswerError
from bioxen.server.orchestrator.lateness import Lateness
from bioxen.server.workers import tracing, urgency

CONNECT_PATIENCE = 2.0
"""Seconds in which a replica must accept a connection."""
TRIES = 3
"""Times that a connection is tried which came too late for reasons of this process."""
IDLE = 30.0
"""Seconds a connection is kept idle: less than a service keeps it, which therefore never hangs up first."""
LARGE = 1 << 19
"""Bytes of a body that is sent in parts."""
OWN_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""Why no connection can be opened from here, whoever listens there."""
PLAIN: dict[str, str] = {}

Reply = tuple[int, bytes, Mapping[str, str]]
"""Status, content and headers of an answer."""


class _LateConnectError(HinderedError):
    """A connection came too late, and by this process's own fault: nothing has been sent yet."""


class Wire:
    """Connections to replicas at URLs, kept for as long as they are used.

    Args:
        token: what the replicas ask for.
    """

    def __init__(self, token: str | None = None) -> None:
        self._headers = {"content-type": "application/json"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._session: aiohttp.ClientSession | None = None
        self._lateness = Lateness()

    async def ask(
        self, method: str, url: str, body: bytes | None, patience: float, more: dict[str, str] = PLAIN
    ) -> Reply:
        """Return what a replica answers; headers that are asked for as well are in `more`.

        Raises:
            TimeoutError: no answer within `patience` seconds.
            NoAnswerError: no answer at all.
            HinderedError: this process had no time to ask or to listen.
        """
        for _ in range(TRIES - 1):
            with contextlib.suppress(_LateConnectError):
                return await self._try(method, url, body, patience, more)
        return await self._try(method, url, body, patience, more)

    async def _try(
        self, method: str, url: str, body: bytes | None, patience: float, more: dict[str, str]
    ) -> Reply:
        with self._lateness.watched() as was_late:
            try:
                return await self._exchange(method, url, body, patience, more)
            except (aiohttp.ClientError, OSError) as error:
                raise _why(error, was_late) from error

    async def _exchange(
        self, method: str, url: str, body: bytes | None, patience: float, more: dict[str, str]
    ) -> Reply:
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_PATIENCE, sock_read=patience)
        async with self._open().request(
            method,
            url,
            data=_payload(body),
            headers=tracing.headers() | urgency.headers() | fresh.headers() | more,
            timeout=timeout,
            allow_redirects=False,
        ) as answer:
            return answer.status, await answer.read(), answer.headers

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                # The replicas' queues bound the work; a limit on connections would be a second, hidden queue.
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _why(error: Exception, was_late: Callable[[], bool]) -> Exception:
    """Return what it means that there was no answer."""
    words = f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.errno in OWN_LIMITS:
        return HinderedError(words)
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return _LateConnectError(words) if was_late() else NoAnswerError(words)
    if isinstance(error, aiohttp.ServerTimeoutError):
        return HinderedError(words) if was_late() else TimeoutError()
    return NoAnswerError(words)


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return what aiohttp is to send: it writes a large body in parts only where that is a file."""
    return io.BytesIO(body) if body is not None and len(body) > LARGE else body
