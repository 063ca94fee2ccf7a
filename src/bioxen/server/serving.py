"""Serves one application over HTTP until SIGTERM, SIGINT, or the end of the process that started it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import sys
from collections.abc import AsyncIterator

import uvicorn
import uvloop
from fastapi import FastAPI

from bioxen.errors import BioXenException, ConfigurationError
from bioxen.server.connections import Connection, raise_file_limit

BACKLOG = 2048
GRACE = 10
"""Seconds that requests under way get to finish at a shutdown."""


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    Raises:
        ConfigurationError: the port is in use, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # An event loop sends small answers at once where a socket says that it is TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            details={"place": "port", "remedy": "Choose another port (0 takes a free one)."},
        ) from None
    listener.listen(BACKLOG)
    return listener


def serve(app: FastAPI, listener: socket.socket, *, lifeline: bool = False) -> None:
    """Serve `app` on `listener` until told to stop; requests under way are finished first.

    Args:
        app: the application.
        listener: a listening socket.
        lifeline: stop also when standard input ends, that is when the process at its other end is gone,
            however it went.

    Raises:
        BioXenException: it cannot start: another server works on its store, say.
    """
    gc.collect()
    gc.freeze()  # what the imports made stays: looking through it again would hold up a request for long
    raise_file_limit()
    config = uvicorn.Config(
        app,
        http=Connection,
        log_config=None,  # `logs` has set it up
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nothing here asks for the client's address
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=60,
    )
    server, faults = uvicorn.Server(config), _faults_of_the_start(app)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(server, listener, lifeline))
    except KeyboardInterrupt:
        pass
    except SystemExit:  # the start-up failed, and uvicorn has logged why
        if faults:
            raise faults[0] from None
        raise


def _faults_of_the_start(app: FastAPI) -> list[BioXenException]:
    """Return the list to which a fault of the start-up is added: its words say more than a traceback.

    Where there is one, uvicorn's own log is silent.
    """
    faults: list[BioXenException] = []
    start = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(application: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as running:
            try:
                await running.enter_async_context(start(application))
            except BioXenException as error:
                faults.append(error)
                raise
            yield

    app.router.lifespan_context = lifespan
    logging.getLogger("uvicorn.error").addFilter(lambda _: not faults)
    return faults


async def _serve(server: uvicorn.Server, listener: socket.socket, lifeline: bool) -> None:
    watcher = asyncio.create_task(_stop_at_end_of_stdin(server)) if lifeline else None
    await server.serve(sockets=[listener])
    if watcher is not None:
        watcher.cancel()


async def _stop_at_end_of_stdin(server: uvicorn.Server) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    server.should_exit = True
