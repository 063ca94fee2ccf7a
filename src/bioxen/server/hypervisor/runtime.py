"""The cells behind `/vms`: records in the store, and nothing in memory but claims and some caches.

A change is on the disk when its call returns, so a server that starts again has every cell where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection

from bioxen.client import BiologicalComputationClient
from bioxen.errors import ConfigurationError
from bioxen.protocol.cells import Delta, KeptResources, Resources, VmSpec, VmStatus
from bioxen.protocol.lineage import ForkSpec, HistoryPage, Lineage, Snapshot, VmPage
from bioxen.protocol.quotas import CellQuotas
from bioxen.server.hypervisor import changes
from bioxen.server.hypervisor.hosts import Hosts
from bioxen.server.hypervisor.images import resources_report, status_of
from bioxen.server.hypervisor.processes import CellProcesses
from bioxen.server.loopback import LoopTransport
from bioxen.server.store import cells, history
from bioxen.server.store.cell_quotas import CellGate, own_quotas
from bioxen.server.store.cell_usage import usage_of_cell
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.lineage import lineage
from bioxen.server.store.snapshots import list_snapshots
from bioxen.server.store.store import Store
from bioxen.vm.lifecycle import Verb

T = TypeVar("T")
OWN_URL = "http://localhost"


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
        self.processes = CellProcesses(store, self._gate, self._hosts)
        """What runs on the cells."""

    def start(self, app: Any, token: str | None) -> None:
        """Begin to serve cells, whose requests go to `app` in the running event loop."""
        transport = LoopTransport(app, asyncio.get_running_loop())
        self.ask(BiologicalComputationClient(OWN_URL, OWN_URL, OWN_URL, transport=transport, token=token))

    def ask(self, client: BiologicalComputationClient) -> None:
        """Begin to serve cells, which ask services by `client`."""
        self._hosts.open(client)
        self.processes.open()

    def close(self) -> None:
        """Leave the cells as they are, for the next start."""
        self._hosts.close()
        self.processes.close()

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

    async def records(self, owner: str, vm_ids: Sequence[str]) -> list[CellRecord]:
        """Return the records of cells, in the order asked.

        Raises:
            VmNotFoundError: one is not there.
        """
        return await self._store.read(cells.find_many, owner, vm_ids)

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

    async def _of_cell(self, owner: str, vm_id: str, query: Callable[[Connection, CellRecord], T]) -> T:
        """Return what a query says of a cell, both of one moment: the cell may be destroyed in the next."""
        return await self._store.read(lambda c: query(c, cells.find(c, owner, vm_id)))


def _refuse_services(spec: VmSpec) -> None:
    if spec.config.computation_service_urls is not None:
        raise ConfigurationError(
            "A cell that lives in a server computes on the server's own services.",
            details={
                "place": "config.computation_service_urls",
                "remedy": "Leave it out; or make the cell in Python, where it may ask any service.",
            },
        )
