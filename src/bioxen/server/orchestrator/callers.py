"""How an orchestrator reaches its replicas: over HTTP, or as objects of the same process."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

import aiohttp
from pydantic import TypeAdapter

from bioxen.errors import BioXenException, ModelNotFoundError
from bioxen.protocol.kinetic import MembersRequest, Route
from bioxen.protocol.processes import COMPUTE_PATHS, ROUTE_PATH, Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport, TaskProgress
from bioxen.server.cache import fresh
from bioxen.server.cache import status as cache_status
from bioxen.server.engines.crossover import BY_RULE
from bioxen.server.engines.models import GivenText, given_text
from bioxen.server.orchestrator import texts
from bioxen.server.orchestrator.computation import Computer
from bioxen.server.orchestrator.handles import Handles
from bioxen.server.orchestrator.lateness import Lateness
from bioxen.server.workers import hearing, tracing, urgency

CONNECT_PATIENCE = 2.0
"""Seconds in which a replica must accept a connection."""
TRIES = 3
"""Times that a connection is tried which came too late for reasons of this process."""
IDLE = 30.0
"""Seconds a connection is kept idle: less than a service keeps it, which therefore never hangs up first."""
PROGRESS_EVERY = 1.0
"""Seconds between two looks at how far a computation is, where somebody wants to hear that."""
PROGRESS_PATIENCE = 3.0
"""Seconds that such a look may take."""
LARGE = 1 << 19
"""Bytes of a body that is sent in parts."""
OWN_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""Why no connection can be opened from here, whoever listens there."""


WORTH_A_HANDLE = 1 << 16
"""Characters of a model's text from which it is sent once, and not with every request."""
TEXT_HEADERS = {"content-type": "text/plain; charset=utf-8"}
HANDLE_HEADERS = {texts.HEADER: texts.BY_HANDLE}
PLAIN: dict[str, str] = {}

Reply = tuple[int, bytes, Mapping[str, str]]
"""Status, content and headers of an answer."""
_progress: TypeAdapter[TaskProgress | None] = TypeAdapter(TaskProgress | None)


class NoAnswerError(Exception):
    """A replica could not be reached, or broke off before it answered."""


class HinderedError(Exception):
    """This process was too busy to reach a replica or to hear it; that tells nothing of the replica."""


class _LateConnectError(HinderedError):
    """A connection came too late, and by this process's own fault: nothing has been sent yet."""


class Caller(Protocol):
    """Asks replicas."""

    async def compute(self, service: Service, url: str, request: ComputeRequest, patience: float) -> bytes:
        """Return the encoded result of `request` from the replica at `url`.

        Raises:
            TimeoutError: no answer within `patience` seconds.
            NoAnswerError: no answer at all.
            HinderedError: this process had no time to ask or to listen.
            BioXenException: what the replica answered, as the same class.
        """
        ...

    async def route(self, url: str, request: MembersRequest, patience: float) -> Route:
        """Return where the replica at `url` says that members of `request` run; raises as `compute`."""
        ...

    async def health(self, url: str, patience: float) -> HealthReport:
        """Return what the replica at `url` says of itself.

        Raises:
            TimeoutError, NoAnswerError: it says nothing.
            HinderedError: this process had no time to ask or to listen.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class HttpCaller:
    """Replicas at URLs; the results' bytes pass through.

    Args:
        token: what the replicas ask for.
    """

    def __init__(self, token: str | None = None) -> None:
        self._headers = {"content-type": "application/json"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"
        self._session: aiohttp.ClientSession | None = None
        self._lateness = Lateness()
        self._handles = Handles()

    async def compute(self, service: Service, url: str, request: ComputeRequest, patience: float) -> bytes:
        """Return the encoded result (`Caller.compute`)."""
        with self._followed(url):
            status, content, headers = await self._post(url, COMPUTE_PATHS[service], request, patience)
        if status == HTTPStatus.OK:
            cache_status.note_headers(headers)
            return content
        raise _fault(status, content)

    async def route(self, url: str, request: MembersRequest, patience: float) -> Route:
        """Return the route that the replica decides (`Caller.route`)."""
        status, content, _ = await self._post(url, ROUTE_PATH, request, patience)
        if status != HTTPStatus.OK:
            raise _fault(status, content)
        try:
            return Route.model_validate_json(content)
        except ValueError as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error

    async def health(self, url: str, patience: float) -> HealthReport:
        """Return the replica's report (`Caller.health`)."""
        _, content, _ = await self._ask("GET", url + "/health", None, patience)
        try:
            return HealthReport.model_validate_json(content)
        except ValueError as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _post(self, url: str, path: str, request: ComputeRequest, patience: float) -> Reply:
        """Send a request, with a handle in the place of a large text where the replica has that."""
        given = given_text(request)
        if given is not None and len(given.text) >= WORTH_A_HANDLE:
            reply = await self._post_by_handle(url, path, request, given, patience)
            if reply is not None:
                return reply
        return await self._ask("POST", url + path, _body(request), patience)

    async def _post_by_handle(
        self, url: str, path: str, request: ComputeRequest, given: GivenText, patience: float
    ) -> Reply | None:
        """Send a request with a handle; `None` where the replica gives none, or lacks a text just sent."""

        async def send() -> bytes:
            text = given.text.encode()
            return (await self._ask("POST", url + texts.PATH, text, patience, TEXT_HEADERS))[1]

        for _ in range(2):  # the replica may have let the text go, or have been started anew
            handle = await self._handles.find(url, given.text, send)
            if handle is None:
                return None
            lean = request.model_copy(update={given.field: handle.name})
            reply = await self._ask("POST", url + path, _body(lean), patience, HANDLE_HEADERS)
            if not _lacks(reply):
                return reply
            self._handles.forget(url, given.text, handle)
        return None

    @contextlib.contextmanager
    def _followed(self, url: str) -> Iterator[None]:
        """Look again and again how far the replica is with this request, where somebody listens."""
        heard, name = hearing.current(), tracing.current()
        if heard is None or not name:
            yield
            return
        following = asyncio.create_task(self._follow(f"{url}/progress/{quote(name, safe='')}", heard))
        try:
            yield
        finally:
            following.cancel()

    async def _follow(self, url: str, heard: hearing.Hear) -> None:
        while True:
            await asyncio.sleep(PROGRESS_EVERY)
            try:
                status, content, _ = await self._ask("GET", url, None, PROGRESS_PATIENCE)
                told = _progress.validate_json(content) if status == HTTPStatus.OK else None
            except (NoAnswerError, TimeoutError, ValueError):  # the computation's own answer says why
                continue
            if told is not None:
                heard(told)

    async def _ask(
        self, method: str, url: str, body: bytes | None, patience: float, more: dict[str, str] = PLAIN
    ) -> Reply:
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


class DirectCaller:
    """Replicas that are objects of this process: no bytes are written or read for them.

    Args:
        replicas: by the URLs that name them.
    """

    def __init__(self, replicas: Mapping[str, Computer]) -> None:
        self._replicas = replicas

    async def compute(self, service: Service, url: str, request: ComputeRequest, patience: float) -> bytes:  # noqa: ARG002 - a replica knows its service
        """Return the encoded result (`Caller.compute`)."""
        replica = self._replica(url)
        async with asyncio.timeout(patience):
            return await replica.compute(request)

    async def route(self, url: str, request: MembersRequest, patience: float) -> Route:
        """Return the route that the replica decides (`Caller.route`)."""
        replica = self._replica(url)
        async with asyncio.timeout(patience):
            return (await replica.routed(request)).route or BY_RULE

    async def health(self, url: str, patience: float) -> HealthReport:  # noqa: ARG002 - it answers at once
        """Return the replica's report (`Caller.health`)."""
        return self._replica(url).health()

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    def _replica(self, url: str) -> Computer:
        if url not in self._replicas:
            raise NoAnswerError(f"no replica of this process is called {url}")
        return self._replicas[url]


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


def _body(request: ComputeRequest) -> bytes:
    return request.model_dump_json(exclude_none=True).encode()


def _lacks(reply: Reply) -> bool:
    """Return whether a replica answers that it lacks the text that a handle stood for."""
    status, content, _ = reply
    return status == HTTPStatus.NOT_FOUND and isinstance(_fault(status, content), ModelNotFoundError)


def _fault(status: int, content: bytes) -> BioXenException | NoAnswerError:
    """Return the fault a replica answered with; what is no problem body is no answer."""
    try:
        return BioXenException.from_problem(json.loads(content))
    except (ValueError, KeyError, TypeError):
        return NoAnswerError(f"HTTP {status} without a problem body")
