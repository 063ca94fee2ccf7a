"""How an orchestrator reaches its replicas over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import quote

from pydantic import TypeAdapter

from bioxen.errors import BioXenException, ModelNotFoundError
from bioxen.protocol.kinetic import MembersRequest, Route
from bioxen.protocol.processes import COMPUTE_PATHS, ROUTE_PATH, Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport, TaskProgress
from bioxen.server.cache import status as cache_status
from bioxen.server.engines.models import GivenText, given_text
from bioxen.server.orchestrator import texts
from bioxen.server.orchestrator.callers import NoAnswerError
from bioxen.server.orchestrator.handles import Handles
from bioxen.server.orchestrator.wire import Reply, Wire
from bioxen.server.workers import hearing, tracing

PROGRESS_EVERY = 1.0
"""Seconds between two looks at how far a computation is, where somebody wants to hear that."""
PROGRESS_PATIENCE = 3.0
"""Seconds that such a look may take."""
WORTH_A_HANDLE = 1 << 16
"""Characters of a model's text from which it is sent once, and not with every request."""
TEXT_HEADERS = {"content-type": "text/plain; charset=utf-8"}
HANDLE_HEADERS = {texts.HEADER: texts.BY_HANDLE}
_progress: TypeAdapter[TaskProgress | None] = TypeAdapter(TaskProgress | None)


class HttpCaller:
    """Replicas at URLs; the results' bytes pass through.

    Args:
        token: what the replicas ask for.
    """

    def __init__(self, token: str | None = None) -> None:
        self._wire = Wire(token)
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
        _, content, _ = await self._wire.ask("GET", url + "/health", None, patience)
        try:
            return HealthReport.model_validate_json(content)
        except ValueError as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._wire.close()

    async def _post(self, url: str, path: str, request: ComputeRequest, patience: float) -> Reply:
        """Send a request, with a handle in the place of a large text where the replica has that."""
        given = given_text(request)
        if given is not None and len(given.text) >= WORTH_A_HANDLE:
            reply = await self._post_by_handle(url, path, request, given, patience)
            if reply is not None:
                return reply
        return await self._wire.ask("POST", url + path, _body(request), patience)

    async def _post_by_handle(
        self, url: str, path: str, request: ComputeRequest, given: GivenText, patience: float
    ) -> Reply | None:
        """Send a request with a handle; `None` where the replica gives none, or lacks a text just sent."""

        async def send() -> bytes:
            text = given.text.encode()
            return (await self._wire.ask("POST", url + texts.PATH, text, patience, TEXT_HEADERS))[1]

        for _ in range(2):  # the replica may have let the text go, or have been started anew
            handle = await self._handles.find(url, given.text, send)
            if handle is None:
                return None
            lean = request.model_copy(update={given.field: handle.name})
            reply = await self._wire.ask("POST", url + path, _body(lean), patience, HANDLE_HEADERS)
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
                status, content, _ = await self._wire.ask("GET", url, None, PROGRESS_PATIENCE)
                told = _progress.validate_json(content) if status == HTTPStatus.OK else None
            except (NoAnswerError, TimeoutError, ValueError):  # the computation's own answer says why
                continue
            if told is not None:
                heard(told)


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
