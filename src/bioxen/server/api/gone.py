"""Work for a client that may hang up: it stops when nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from fastapi import Request, Response

BLINK = 0.05
"""Seconds: to watch the connection of shorter work costs more than it could save."""
CLIENT_CLOSED_REQUEST = 499
"""What servers write in their logs for it; nobody reads the answer."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Return what `work` returns; when the client hangs up first, it is stopped, its computation too."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait((task,), timeout=BLINK)
        if not done and await _hangs_up_before(request, task):
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _hangs_up_before(request: Request, task: asyncio.Future[Response]) -> bool:
    gone = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        return gone.done() and not task.done()
    finally:
        gone.cancel()


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
