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
    """Return what `work` returns; when the client hangs up first, it is stopped, its computation too.

    The work runs in the task of the request: a task of its own would take as long as a small computation.
    """
    watch = _Watch(request)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.stopped_it():
            return Response(status_code=CLIENT_CLOSED_REQUEST)
        raise
    finally:
        watch.end()


class _Watch:
    """Cancels the task that makes it when the client of a request hangs up."""

    def __init__(self, request: Request) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has one
        self._task, self._request = task, request
        self._cancelling = task.cancelling()
        self._is_gone = False
        self._looking: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(BLINK, self._begin)

    def stopped_it(self) -> bool:
        """Return whether the task was cancelled because of that, and for no other reason."""
        return self._is_gone and self._task.uncancel() <= self._cancelling

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _begin(self) -> None:
        self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while (await self._request.receive())["type"] != "http.disconnect":
            pass
        self._is_gone = True
        self._task.cancel()
