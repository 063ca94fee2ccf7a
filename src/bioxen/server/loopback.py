"""Calls into an application that runs in an event loop of this process, with no port between."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")


class LoopTransport(httpx2.BaseTransport):
    """A synchronous transport to an ASGI application in another thread's event loop."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Run the request in the application's loop and wait for the answer, no longer than it may take."""
        wait = request.extensions.get("timeout", {}).get("read")
        future = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
        try:
            return future.result(wait)
        except TimeoutError:
            future.cancel()  # the computation is killed with it
            raise httpx2.ReadTimeout(f"no answer within {wait} s", request=request) from None

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        # A sync request's body is bytes that are read; the ASGI transport wants an async stream of them.
        asked = httpx2.Request(request.method, request.url, headers=request.headers, content=request.read())
        answer = await self._transport.handle_async_request(asked)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what `coroutine` returns when run in the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def close(self) -> None:
        """Stop the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextlib.contextmanager
def loop_thread(name: str) -> Iterator[LoopThread]:
    """Give an event loop in a thread, for as long as the block lasts."""
    thread = LoopThread(name)
    try:
        yield thread
    finally:
        thread.close()
