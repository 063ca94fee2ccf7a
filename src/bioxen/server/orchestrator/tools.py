"""The service of third-party tools: their own workers, started when a tool is first needed."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import entry_points

from bioxen.errors import UnknownProcessError
from bioxen.protocol.cells import ProcessCall
from bioxen.protocol.services import ProcessInfo
from bioxen.server.cache.status import add_seconds
from bioxen.server.engines.tools import ENTRY_POINT_GROUP, LIST_TOOLS, ToolCall
from bioxen.server.sharing.gate import Gate
from bioxen.server.workers.base import Task, WorkerPool

OWN_TOOLS = frozenset({"cobrapy", "tellurium"})
"""Tools that wrap BioXen's own engines; their processes have services of their own."""


class ToolService:
    """Runs processes on third-party tools.

    Args:
        pool: workers whose engine is `tools`; started at first use, since most installations have none.
        targets: tools beside the registered ones, as `module:Class`.
        deadline: seconds a process may take.
    """

    def __init__(self, pool: WorkerPool, targets: tuple[str, ...], deadline: float) -> None:
        self._pool = pool
        self._targets = targets
        self._deadline = deadline
        self._gate = Gate(pool.health().size)
        self._starting = asyncio.Lock()
        self._started = False
        names = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
        self._has_any = bool(targets or names - OWN_TOOLS)
        self._processes: list[ProcessInfo] | None = None

    async def processes(self) -> list[ProcessInfo]:
        """Return the processes of third parties' tools."""
        if self._processes is None:
            self._processes = await self._ask_workers() if self._has_any else []
        return self._processes

    async def compute(self, call: ProcessCall) -> bytes:
        """Return the encoded result of the tool that computes `call`.

        Raises:
            UnknownProcessError: no tool computes it.
            OverloadError: see `Gate.turn`.
            BioXenException: see `WorkerPool.run`; a tool's process is never tried twice.
        """
        if not self._has_any:
            raise UnknownProcessError(
                f"No tool computes the process {call.process_code!r}: no third-party tool is registered.",
                details={"place": "process_code", "remedy": "See the guide on tools to register one."},
            )
        async with self._gate.turn():
            return await self._run(call)

    async def close(self) -> None:
        """Stop the workers, if any were started."""
        if self._started:
            await self._pool.close()

    async def _ask_workers(self) -> list[ProcessInfo]:
        tools = json.loads(await self._run(ProcessCall(process_code=LIST_TOOLS)))
        return [
            ProcessInfo(
                code=code, aliases=[], title=f"a process of the tool {name}", service=name, kisao=None
            )
            for name, codes in tools.items()
            if name not in OWN_TOOLS
            for code in codes
        ]

    async def _run(self, call: ProcessCall) -> bytes:
        async with self._starting:
            if not self._started:
                await self._pool.start()
                self._started = True
        told = ToolCall(process_code=call.process_code, context=call.context, tools=list(self._targets))
        payload = told.model_dump_json().encode()
        solved = await self._pool.solve(Task("tools", payload, deadline=self._deadline, pure=False))
        add_seconds(solved.seconds)
        return solved.result
