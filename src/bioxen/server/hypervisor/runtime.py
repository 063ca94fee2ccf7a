"""The cells behind `/vms`: records in the store, and nothing in memory but claims and some caches.

A change is on the disk when its call returns, so a server that starts again has every cell where it was. A
process runs in a thread, since it waits for its answer; its request comes back into this application
through the event loop, with no port between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from bioxen.client import BiologicalComputationClient
from bioxen.errors import BioXenException, ConfigurationError
from bioxen.protocol.cells import (
    CellProcessCall,
    ComputationServiceStatus,
    Delta,
    KeptResources,
    Resources,
    VmSpec,
    VmStatus,
)
from bioxen.protocol.lineage import (
    ForkSpec,
    HistoryPage,
    Lineage,
    Replay,
    Snapshot,
    VmPage,
)
from bioxen.protocol.quotas import CellQuotas
from bioxen.protocol.result import ProcessResult
from bioxen.server.hypervisor import changes, execution
from bioxen.server.hypervisor.hosts import Hosts
from bioxen.server.hypervisor.images import image_of, resources_report, status_of
from bioxen.server.hypervisor.metering import metered, told
from bioxen.server.loopback import LoopTransport
from bioxen.server.sharing import owners
from bioxen.server.sharing.gate import Gate
from bioxen.server.store import cells, history
from bioxen.server.store.cell_quotas import CellGate, own_quotas
from bioxen.server.store.cell_spending import spend
from bioxen.server.store.cell_usage import usage_of_cell
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.lineage import lineage
from bioxen.server.store.snapshots import list_snapshots
from bioxen.server.store.store import Store
from bioxen.vm.cell import health_word
from bioxen.vm.lifecycle import Verb

T = TypeVar("T")
OWN_URL = "http://localhost"
THREADS = 64
"""Processes at once: more than a hypervisor's own slots, so that quick ones pass those that compute."""


class HypervisorRuntime:
    """Cells that live in this server.

    Args:
        store: where they are kept.
        gate: looks at their quotas.
    """

    def __init__(self, store: Store, gate: CellGate | None = None) -> None:
        self._store = store
        self._gate = gate or CellGate()
        self._hosts = Hosts(store)
        self._threads: ThreadPoolExecutor | None = None
        self._turns = Gate(THREADS)

    def start(self, app: Any, token: str | None) -> None:
        """Begin to serve cells, whose requests go to `app` in the running event loop."""
        transport = LoopTransport(app, asyncio.get_running_loop())
        self.ask(BiologicalComputationClient(OWN_URL, OWN_URL, OWN_URL, transport=transport, token=token))

    def ask(self, client: BiologicalComputationClient) -> None:
        """Begin to serve cells, which ask services by `client`."""
        self._hosts.open(client)
        self._threads = ThreadPoolExecutor(THREADS, "bioxen-cells")

    def close(self) -> None:
        """Leave the cells as they are, for the next start."""
        self._hosts.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def forget_results(self) -> None:
        """Forget what cells remember of results: a name of a model may mean another one from now on."""
        self._hosts.forget_results()

    # Cells.

    async def create(self, owner: str, specs: Sequence[VmSpec]) -> None:
        """Make cells, all or none.

        Raises:
            ConfigurationError: a spec names services; a cell of a server uses the server's own.
            BioXenException: see `BioXenHypervisor.create_vm`.
        """
        for number, spec in enumerate(specs):
            with changes.placed(f"cells.{number}", len(specs)):
                _refuse_services(spec)
        await self._hosts.change(owner, changes.create, specs)

    async def page(self, owner: str, **wanted: Any) -> VmPage:
        """Return some of an owner's cells; see `cells.page`."""
        found, following = await self._store.read(cells.page, owner, **wanted)
        return VmPage(vms=[status_of(record) for record in found], next=following)

    async def status(self, owner: str, vm_id: str) -> VmStatus:
        """Return a cell's status.

        Raises:
            VmNotFoundError: no such cell.
        """
        return await self._store.read(changes.status, owner, vm_id)

    async def act(self, owner: str, vm_ids: Sequence[str], verb: Verb) -> None:
        """Move cells through their life, all or none.

        Raises:
            VmNotFoundError: no such cell.
            VmStateError: its state does not allow that.
            ResourceExhaustionError: it claims what others hold.
        """
        await self._hosts.change(owner, changes.act, vm_ids, verb)

    async def set_delta(self, owner: str, vm_id: str, delta: Delta) -> VmStatus:
        """Set how a cell differs from its chassis.

        Raises:
            VmNotFoundError: no such cell.
            ResourceExhaustionError: the edits outgrow the cell's memory, or its space is used up.
        """
        return await self._hosts.change(owner, changes.set_delta, vm_id, delta, self._gate)

    async def allocate(self, owner: str, vm_id: str, resources: Resources) -> VmStatus:
        """Set what a cell holds.

        Raises:
            VmNotFoundError: no such cell.
            ResourceAllocationError, ResourceExhaustionError: it cannot be given.
        """
        return await self._hosts.change(owner, changes.allocate, vm_id, resources)

    async def resources(self, owner: str, vm_id: str) -> KeptResources:
        """Return what a cell holds, what it may have, and what it has.

        Raises:
            VmNotFoundError: no such cell.
        """
        record = await self._store.read(cells.find, owner, vm_id)
        held = (await self._hosts.of(owner)).granted(vm_id)
        usage = await self._store.read(usage_of_cell, record.cell_id)
        return resources_report(record, held is not None, self._gate.quotas(record.quotas), usage)

    async def set_quotas(self, owner: str, vm_id: str, quotas: CellQuotas) -> str | None:
        """Set what a cell may have of the server; return what its record keeps of that.

        Raises:
            VmNotFoundError: no such cell.
        """
        own = own_quotas(quotas)
        await self._hosts.change(owner, changes.set_quotas, vm_id, own)
        return own

    # Their past.

    async def fork(self, owner: str, vm_id: str, specs: Sequence[ForkSpec]) -> None:
        """Make cells that begin where another stands, all or none.

        Raises:
            VmNotFoundError: no such cell.
            VmStateError: it has no such snapshot.
            VmCreationError: an id is taken.
        """
        await self._hosts.change(owner, changes.fork, vm_id, specs)

    async def snapshot(self, owner: str, vm_id: str, name: str | None) -> Snapshot:
        """Keep a cell's edits and living state as they are now.

        Raises:
            VmNotFoundError: no such cell.
            ResourceExhaustionError: the cell's space is used up.
        """
        return await self._hosts.change(owner, changes.snapshot, vm_id, name, self._gate)

    async def snapshots(self, owner: str, vm_id: str) -> list[Snapshot]:
        """Return a cell's snapshots, the first first.

        Raises:
            VmNotFoundError: no such cell.
        """
        return await self._of_cell(owner, vm_id, list_snapshots)

    async def restore(self, owner: str, vm_id: str, number: int) -> VmStatus:
        """Set a cell to one of its snapshots.

        Raises:
            VmNotFoundError: no such cell.
            VmStateError: it has no such snapshot.
        """
        return await self._hosts.change(owner, changes.restore, vm_id, number)

    async def delete_snapshot(self, owner: str, vm_id: str, number: int) -> None:
        """Forget a snapshot of a cell.

        Raises:
            VmNotFoundError: no such cell.
            VmStateError: it has no such snapshot.
        """
        await self._hosts.change(owner, changes.delete_snapshot, vm_id, number)

    async def lineage(
        self, owner: str, vm_id: str, after: str | None = None, limit: int = cells.PAGE
    ) -> Lineage:
        """Return whom a cell descends from, and who from it.

        Raises:
            VmNotFoundError: no such cell.
        """
        return await self._of_cell(owner, vm_id, partial(lineage, after=after, limit=limit))

    async def history(self, owner: str, vm_id: str, after: int, limit: int) -> HistoryPage:
        """Return what became of a cell.

        Raises:
            VmNotFoundError: no such cell.
        """
        wanted = partial(history.page, after=after, limit=limit)
        entries, following = await self._of_cell(owner, vm_id, wanted)
        return HistoryPage(entries=entries, next=following)

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

    async def _of_cell(self, owner: str, vm_id: str, query: Callable[[Connection, CellRecord], T]) -> T:
        """Return what a query says of a cell, both of one moment: the cell may be destroyed in the next."""
        return await self._store.read(lambda c: query(c, cells.find(c, owner, vm_id)))

    # Processes.

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

    async def records(self, owner: str, vm_ids: Sequence[str]) -> list[CellRecord]:
        """Return the records of cells, in the order asked.

        Raises:
            VmNotFoundError: one is not there.
        """
        return await self._store.read(cells.find_many, owner, vm_ids)

    async def computation_status(self, owner: str, vm_id: str) -> ComputationServiceStatus:
        """Return how a cell computes.

        Raises:
            VmNotFoundError: no such cell.
        """
        image = image_of((await self._store.read(cells.find, owner, vm_id)).image)
        client = (await self._hosts.of(owner)).router(None).client if image.services else None
        health = await self._in_thread(owner, client.check_service_health) if client else {}
        computes = image.services and image.mode != "symbolic"
        return ComputationServiceStatus(
            service_based=image.services,
            computation_service_urls=dict(client.urls) if client else {},
            service_health={name: health_word(report) for name, report in health.items()},
            vm_computation_mode="service_client" if computes else "symbolic_only",
            execution_mode=image.mode,
        )

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


def _refuse_services(spec: VmSpec) -> None:
    if spec.config.computation_service_urls is not None:
        raise ConfigurationError(
            "A cell that lives in a server computes on the server's own services.",
            details={
                "place": "config.computation_service_urls",
                "remedy": "Leave it out; or make the cell in Python, where it may ask any service.",
            },
        )
