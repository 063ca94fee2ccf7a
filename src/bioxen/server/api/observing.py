"""What every request leaves behind: an id in its answer, numbers in the metrics, a line in the log."""

from __future__ import annotations

import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bioxen.server.api.problems import REQUEST_ID
from bioxen.server.api.security import CALLER
from bioxen.server.cache import fresh
from bioxen.server.metrics import Metrics
from bioxen.server.orchestrator import texts
from bioxen.server.workers import tracing, urgency

log = logging.getLogger("bioxen.access")
NO_ROUTE = "none"
"""The route of requests that no route answers: their paths are anybody's, and would fill the metrics."""


class Observer:
    """ASGI middleware around everything else.

    Args:
        app: what is observed.
        metrics: where requests are counted.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id, and count it when it is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        name = tracing.accepted(headers.get(tracing.HEADER))
        waits = urgency.accepted(headers.get(urgency.HEADER))
        anew = fresh.accepted(headers.get(fresh.HEADER))
        handle = texts.accepted(headers.get(texts.HEADER))
        status, start = 500, time.perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[tracing.HEADER] = name
            await send(message)

        scope[REQUEST_ID] = name
        with tracing.named(name), urgency.background(waits), fresh.wanted(anew), texts.by_handle(handle):
            try:
                await self.app(scope, receive, send_named)
            finally:
                self._note(scope, status, time.perf_counter() - start)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", NO_ROUTE)
        self.metrics.answered(scope["method"], route, status, seconds)
        if log.isEnabledFor(logging.INFO):
            caller = scope.get(CALLER)
            facts = {
                "method": scope["method"],
                "route": route,
                "path": scope["path"],
                "status": status,
                "seconds": round(seconds, 6),
                "owner": caller.owner if caller is not None else None,
            }
            log.info("%s %s %d", scope["method"], scope["path"], status, extra=facts)
