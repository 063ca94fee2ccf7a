"""Who holds what: one hypervisor an owner, which keeps the claims and gives turns. It holds no cell."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bioxen.client import BiologicalComputationClient
from bioxen.errors import BioXenException
from bioxen.protocol.cells import Resources
from bioxen.server.hypervisor.images import delta_of, resources_of
from bioxen.server.store import cells
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.faults import is_stores
from bioxen.server.store.store import Store
from bioxen.vm.cache import ResultCache
from bioxen.vm.hypervisor import BioXenHypervisor
from bioxen.vm.tenant import cache_limit

T = TypeVar("T")
P = ParamSpec("P")
CACHES = 256
"""Cells whose results are remembered at once, of those that remember any."""


class Claims:
    """What cells of one owner claim, in step with one transaction."""

    def __init__(self, host: BioXenHypervisor) -> None:
        self._host = host
        self._before: list[tuple[str, Resources | None]] = []

    def grant(self, vm_id: str, wanted: Resources | None) -> None:
        """Give a cell what it wants.

        Raises:
            ResourceAllocationError, ResourceExhaustionError: it cannot be given.
        """
        if wanted is not None:
            self._before.append((vm_id, self._host.granted(vm_id)))
            self._host.grant(vm_id, wanted)

    def release(self, records: Sequence[CellRecord]) -> None:
        """Take back what cells hold."""
        for record in records:
            if record.resources is not None:
                self._before.append((record.vm_id, self._host.granted(record.vm_id)))
                self._host.release(record.vm_id)

    def undo(self) -> None:
        """Make the claims what they were."""
        for vm_id, present in reversed(self._before):
            self._host.release(vm_id)
            if present is not None:
                self._host.grant(vm_id, present)


class Hosts:
    """The hypervisors of all owners.

    Args:
        store: where the cells are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hosts: dict[str, BioXenHypervisor] = {}
        self._caches: OrderedDict[int, ResultCache] = OrderedDict()
        self._client: BiologicalComputationClient | None = None

    def open(self, client: BiologicalComputationClient) -> None:
        """Ask services by `client` from now on."""
        self._client = client

    def close(self) -> None:
        """Close every connection."""
        for host in self._hosts.values():
            host.cleanup()
        self._hosts.clear()
        self._caches.clear()

    async def of(self, owner: str) -> BioXenHypervisor:
        """Return an owner's hypervisor."""
        host = self._hosts.get(owner)
        return await self._store.write(self._load, owner) if host is None else host

    async def change(
        self,
        owner: str,
        change: Callable[Concatenate[Connection, Claims, str, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Return what `change(connection, claims, owner, …)` returns; an error undoes its claims as well."""

        def both(connection: Connection) -> T:
            claims = Claims(self._load(connection, owner))
            try:
                return change(connection, claims, owner, *arguments, **named)
            except BaseException:
                claims.undo()
                raise

        try:
            return await self._store.write(both)
        except (SQLAlchemyError, BioXenException) as error:
            if not isinstance(error, BioXenException) or is_stores(error):
                self._hosts.pop(owner, None)  # the claims may be ahead of what is on the disk
            raise

    def cache(self, record: CellRecord) -> ResultCache:
        """Return what a cell remembers; the cells that were asked longest ago forget first."""
        cache = self._caches.setdefault(record.cell_id, ResultCache())
        self._caches.move_to_end(record.cell_id)
        cache.set_limit(cache_limit(resources_of(record), delta_of(record.delta)))
        if len(self._caches) > CACHES:
            self._caches.popitem(last=False)
        return cache

    def forget_results(self) -> None:
        """Forget what every cell remembers."""
        self._caches.clear()

    def _load(self, connection: Connection, owner: str) -> BioXenHypervisor:
        host = self._hosts.get(owner)
        if host is None:
            host = BioXenHypervisor(self._client)
            for record in cells.claiming(connection, owner):
                wanted = resources_of(record)
                if wanted is not None:
                    host.grant(record.vm_id, wanted)
            self._hosts[owner] = host
        return host
