"""From the parts of a job to its result, and to the change of the store that ends the job with it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from sqlalchemy import Connection

from bioxen.errors import ComputationError
from bioxen.server.jobs.calls import CellCalls, is_call
from bioxen.server.jobs.patience import PatientStore, when_it_can
from bioxen.server.jobs.running import Running
from bioxen.server.orchestrator.assembling import Assembly
from bioxen.server.store import jobs
from bioxen.server.store.arrays import StoredArrays

log = logging.getLogger("bioxen.jobs")
Change = Callable[[Connection], None]


class Results:
    """Puts parts together.

    Args:
        store: where parts and results are.
        arrays: keeps the arrays that a result refers to.
        calls: knows the cells of the store.
    """

    def __init__(self, store: PatientStore, arrays: StoredArrays, calls: CellCalls | None) -> None:
        self._store, self._arrays, self._calls = store, arrays, calls

    async def collect(self, running: Running) -> tuple[Assembly, dict[int, ComputationError]]:
        """Return the results of the parts put together, and why some of them cannot be read."""
        parts = Assembly(running.request, running.total)
        lost: dict[int, ComputationError] = {}
        for number in range(running.total):
            try:
                answer = await self._store.fetch(running.finished[number])
            except ComputationError as error:
                log.warning("A part of the job %s is computed again: %s", running.job_id, error)
                lost[number] = error
            else:
                await asyncio.to_thread(parts.add, answer)
        return parts, lost

    async def make(self, running: Running, parts: Assembly) -> Change:
        """Keep the result of a job; return the change that records it.

        Raises:
            BioXenException: the parts do not fit together, or the cell cannot go on from there.
        """
        start = time.perf_counter()
        result = await when_it_can(lambda: asyncio.to_thread(parts.result, self._arrays))
        digest = await self._store.keep(result)
        settle = await asyncio.to_thread(self._settling, running, result)
        seconds = time.perf_counter() - start

        def complete(connection: Connection) -> None:
            jobs.complete(connection, running.job_id, digest, len(result), seconds)
            settle(connection)

        return complete

    def _settling(self, running: Running, result: bytes) -> Change:
        """Return what a result changes beside the job's own record."""
        if self._calls is None or not is_call(running.document):
            return lambda _: None
        return self._calls.settle(running.owner, running.document, result)
