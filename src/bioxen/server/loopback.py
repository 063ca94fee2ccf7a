"""Calls into an application that runs in an event loop of this process, with no port between."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers

from bioxen.client.transport import Answer, LateError
from bioxen.server.cache.status import note_headers

T = TypeVar("T")


class LoopTransport:
    """A client's transport to an ASGI application in another thread's event loop."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def send(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], patience: float
    ) -> Answer:
        """Run the request in the application's loop and wait for the answer, no longer than it may take."""
        future = asyncio.run_coroutine_threadsafe(_ask(self._app, method, url, body, headers), self._loop)
        try:
            answer = future.result(patience)
        except concurrent.futures.TimeoutError:
            future.cancel()  # the computation is killed with it
            raise LateError(f"no answer within {patience} s") from None
        note_headers(Headers(answer.headers))
        return answer

    def close(self) -> None:
        """Do nothing: there is no connection."""


async def _ask(app: Any, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
    """Return the answer of an ASGI application."""
    parts = urlsplit(url)
    content = body or b""
    sent: list[dict[str, Any]] = []
    taken = False

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if taken:  # whoever listens for the end of the connection waits until the request is over
            await asyncio.get_running_loop().create_future()
        taken = True
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    named = {"host": parts.netloc, "content-length": str(len(content)), **headers}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": parts.scheme,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in named.items()],
        "client": ("127.0.0.1", 0),
        "server": (parts.hostname, parts.port),
    }
    try:
        await app(scope, receive, send)
    except Exception:
        if not sent:  # else the application has answered with its fault, and raises it for the log
            raise
    return Answer(
        url,
        sent[0]["status"],
        {name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]},
        b"".join(message.get("body", b"") for message in sent),
    )


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
