"""BioXen in one process: the same applications and the same workers, with no port between.

`bioxen.local()` finds this module through the entry point group `bioxen.hosts`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from fastapi import FastAPI

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.processes import Service
from bioxen.server.app import orchestrator_app, service_app
from bioxen.server.loopback import LoopTransport, loop_thread
from bioxen.server.orchestrator.callers import DirectCaller
from bioxen.server.settings import MIB, ServiceSettings
from bioxen.vm.hypervisor import BioXenHypervisor

URLS: dict[Service, str] = {"static": "http://localhost:5001", "dynamic": "http://localhost:5002"}
"""Names for the applications in this process; nothing listens there."""
ORCHESTRATOR_URL = "http://localhost:5000"


@contextlib.contextmanager
def local(
    *,
    workers: int | None = None,
    memory_limit_mb: int = 2048,
    cache_mb: int = 256,
    cache_dir: str | Path | None = None,
    tools: Sequence[str] = (),
    sys_path: Sequence[str | Path] = (),
) -> Iterator[BioXenHypervisor]:
    """Run the services in this process and give a hypervisor whose cells use them.

    Args:
        workers: worker processes of each service; one a core where absent.
        memory_limit_mb: what one worker may use, MB.
        cache_mb: exact answers that each service keeps, MB; 0 keeps none.
        cache_dir: a folder where they are kept for the next time.
        tools: third-party tools as `module:Class`.
        sys_path: folders where workers look for those modules.
    """
    settings = ServiceSettings(
        workers=workers,
        memory_limit=memory_limit_mb * MIB,
        cache_bytes=cache_mb * MIB,
        cache_dir=Path(cache_dir).resolve() if cache_dir else None,
        tools=tuple(tools),
        sys_path=tuple(Path(folder).resolve() for folder in sys_path),
    )
    applications = {URLS[service]: service_app(service, settings) for service in URLS}
    replicas = {url: app.state.computer for url, app in applications.items()}
    orchestrator = orchestrator_app(settings, URLS.items(), DirectCaller(replicas))
    with running([*applications.values(), orchestrator]) as loop:
        transport = LoopTransport(orchestrator, loop)
        client = BiologicalComputationClient(
            ORCHESTRATOR_URL, ORCHESTRATOR_URL, ORCHESTRATOR_URL, transport=transport
        )
        with BioXenHypervisor(client) as hypervisor:
            yield hypervisor


@contextlib.contextmanager
def running(applications: Sequence[FastAPI]) -> Iterator[asyncio.AbstractEventLoop]:
    """Run applications in an event loop of their own, for as long as the block lasts.

    A program may end inside the block (a notebook does, as a rule): then they are stopped at its exit, while
    threads still run; later nothing could wait for them any more.
    """
    with contextlib.ExitStack() as stack:
        thread = stack.enter_context(loop_thread("bioxen-services"))
        services = Lifespans(applications)
        thread.run(services.start())
        stack.callback(lambda: thread.run(services.stop()))
        atexit.register(stack.close)
        stack.callback(atexit.unregister, stack.close)
        yield thread.loop


class Lifespans:
    """The life of several applications, from the start of all to the end of all, in one task."""

    def __init__(self, applications: Sequence[FastAPI]) -> None:
        self._applications = applications
        self._stop = asyncio.Event()

    async def start(self) -> None:
        """Start the applications; return when all are ready, or raise what a start raised."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live(ready))
        await asyncio.wait([ready, self._task], return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            await self._task

    async def _live(self, ready: asyncio.Future[None]) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for app in self._applications:
                await stack.enter_async_context(app.router.lifespan_context(app))
            ready.set_result(None)
            await self._stop.wait()

    async def stop(self) -> None:
        """Stop the applications, the last one first."""
        self._stop.set()
        await self._task
