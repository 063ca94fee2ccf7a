"""Processes on the cells behind `/vms`, whose time counts for the cell.

Each runs in a thread, since it waits for its answer; its request comes back into this application through
the event loop, with no port between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from bioxen.errors import BioXenException
from bioxen.protocol.cells import CellProcessCall, ComputationServiceStatus
from bioxen.protocol.lineage import Replay
from bioxen.protocol.result import ProcessResult
from bioxen.server.hypervisor import changes, execution
from bioxen.server.hypervisor.hosts import Hosts
from bioxen.server.hypervisor.images import image_of
from bioxen.server.hypervisor.metering import metered, told
from bioxen.server.sharing import owners
from bioxen.server.sharing.gate import Gate
from bioxen.server.store import cells, history
from bioxen.server.store.cell_quotas import CellGate
from bioxen.server.store.cell_spending import spend
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.store import Store
from bioxen.vm.service_status import service_status

T = TypeVar("T")
THREADS = 64
"""Processes at once: more than a hypervisor's own slots, so that quick ones pass those that compute."""


class CellProcesses:
    """Runs processes on cells that live in this server.

    Args:
        store: where the cells are kept.
        gate: looks at their quotas.
        hosts: the owners' hypervisors, which reach the services.
    """

    def __init__(self, store: Store, gate: CellGate, hosts: Hosts) -> None:
        self._store, self._gate, self._hosts = store, gate, hosts
        self._threads: ThreadPoolExecutor | None = None
        self._turns = Gate(THREADS)

    def open(self) -> None:
        """Begin to run processes."""
        self._threads = ThreadPoolExecutor(THREADS, "bioxen-cells")

    def close(self) -> None:
        """Start no more of them."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def execute(self, owner: str, vm_id: str, call: CellProcessCall) -> ProcessResult:
        """Run a process on a cell, and note it.

        Raises:
            VmNotFoundError: no such cell.
            VmStateError: it is not running, or it was changed while it was to advance.
            ResourceExhaustionError: a quota of the cell is used up.
            BioXenException: see `execution.run`.
        """
        record = await self._store.read(cells.find, owner, vm_id)
        await self._admit(record)
        router = (await self._hosts.of(owner)).router(None)
        cache = self._hosts.cache(record) if image_of(record.image).caches else None
        run = partial(metered, execution.run, record, call, router, cache)
        outcome, seconds = await self._in_thread(owner, run)
        try:
            ran = told(outcome)
            hit = ran.result.cache_hit
            await self._hosts.change(owner, changes.ran, record, ran.done, ran.living, hit, seconds)
        except BioXenException:
            await self._spend(record, seconds)  # what was computed counts, whatever comes of it
            raise
        self._gate.computed(record, seconds)
        return ran.result

    async def replay(self, owner: str, vm_id: str, after: int, limit: int) -> Replay:
        """Compute once more what was computed on a cell, which does not move.

        Raises:
            VmNotFoundError: no such cell.
            ResourceExhaustionError: a quota of the cell is used up.
            BioXenException: something cannot be computed now.
        """
        record = await self._store.read(cells.find, owner, vm_id)
        await self._admit(record)
        found, following = await self._store.read(history.computed, record, after, limit)
        router = (await self._hosts.of(owner)).router(None)
        entries = []
        for one in found:
            call = partial(metered, execution.again, record, one, router)
            again, seconds = await self._in_thread(owner, call)
            await self._spend(record, seconds)
            entries.append(told(again))
        return Replay(entries=entries, same=all(one.same for one in entries), next=following)

    async def computation_status(self, owner: str, vm_id: str) -> ComputationServiceStatus:
        """Return how a cell computes.

        Raises:
            VmNotFoundError: no such cell.
        """
        image = image_of((await self._store.read(cells.find, owner, vm_id)).image)
        client = (await self._hosts.of(owner)).router(None).client if image.services else None
        status = partial(service_status, client, image.mode, asks=image.services)
        return await self._in_thread(owner, status) if client else status()

    async def _admit(self, record: CellRecord) -> None:
        if self._gate.quotas(record.quotas).counted:
            await self._store.read(self._gate.check, record)

    async def _spend(self, record: CellRecord, seconds: float) -> None:
        if seconds > 0.0:
            await self._store.write(spend, record.cell_id, seconds)
            self._gate.computed(record, seconds)

    async def _in_thread(self, owner: str, call: Callable[[], T]) -> T:
        """Return what `call` returns, which asks services in turns of the owner."""

        def called() -> T:
            with owners.working_for(owner):
                return call()

        with owners.working_for(owner):
            async with self._turns.turn():
                return await asyncio.get_running_loop().run_in_executor(self._threads, called)
