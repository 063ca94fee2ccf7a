"""Where the cells that an orchestrator keeps come from, and where they were, from the asking side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, RootModel

from bioxen.client.answers import raise_for_fault, read_message
from bioxen.client.paths import of_cell
from bioxen.client.sending import Sender
from bioxen.protocol.base import Message, parse
from bioxen.protocol.cells import Delta, VmStatus
from bioxen.protocol.lineage import (
    ForkSpec,
    HistoryPage,
    Kin,
    Lineage,
    Replay,
    RestoreSpec,
    Snapshot,
    SnapshotSpec,
)

A = TypeVar("A", bound=BaseModel)
M = TypeVar("M", bound=Message)


class PastOfCells:
    """Forks, snapshots, lineage, history and replay of the cells of one orchestrator."""

    def __init__(self, send: Sender) -> None:
        self._send = send

    def fork(
        self,
        vm_id: str,
        new_id: str,
        changes: Delta | Mapping[str, Any] | None = None,
        snapshot: int | None = None,
    ) -> VmStatus:
        """Make a cell that begins where another stands, or stood at a snapshot, with changes on top.

        Raises:
            VmCreationError: the id is taken.
            VmStateError: the other cell has no such snapshot.
        """
        spec = ForkSpec(vm_id=new_id, changes=as_message(Delta, changes or {}), snapshot=snapshot)
        return self._ask("POST", of_cell(vm_id, "forks"), VmStatus, spec)

    def snapshot(self, vm_id: str, name: str | None = None) -> Snapshot:
        """Keep where a cell stands."""
        return self._ask("POST", of_cell(vm_id, "snapshots"), Snapshot, SnapshotSpec(name=name))

    def snapshots(self, vm_id: str) -> list[Snapshot]:
        """Return a cell's snapshots, the first first."""
        return self._ask("GET", of_cell(vm_id, "snapshots"), RootModel[list[Snapshot]]).root

    def delete_snapshot(self, vm_id: str, snapshot: int) -> None:
        """Forget a snapshot of a cell; its number is not given again, and forks of it stay as they are.

        Raises:
            VmStateError: the cell has no such snapshot.
        """
        raise_for_fault(self._send("DELETE", of_cell(vm_id, f"snapshots/{snapshot:d}"), tries=1))

    def restore(self, vm_id: str, snapshot: int) -> VmStatus:
        """Set a cell to any of its snapshots.

        Raises:
            VmStateError: it has no such snapshot.
        """
        return self._ask("POST", of_cell(vm_id, "restore"), VmStatus, RestoreSpec(snapshot=snapshot))

    def lineage(self, vm_id: str, *, after: str | None = None, limit: int = 100) -> Lineage:
        """Return whom a cell descends from, and some of those forked from it, in the order of their ids.

        Args:
            vm_id: the cell.
            after: begin after this child.
            limit: how many children, 1 to 1000.
        """
        return self._ask("GET", of_cell(vm_id, f"lineage?{query_of(after=after, limit=limit)}"), Lineage)

    def children(self, vm_id: str) -> Iterator[Kin]:
        """Give every cell that was forked from one, in the order of their ids, a page after the other."""
        page = self.lineage(vm_id, limit=1000)
        yield from page.children
        while page.next is not None:
            page = self.lineage(vm_id, after=page.next, limit=1000)
            yield from page.children

    def history(self, vm_id: str, *, after: int = 0, limit: int = 100) -> HistoryPage:
        """Return what was computed on a cell, its edits and restores, the first first."""
        return self._ask("GET", of_cell(vm_id, f"history?{query_of(after=after, limit=limit)}"), HistoryPage)

    def replay(self, vm_id: str, *, after: int = 0, limit: int = 100) -> Replay:
        """Compute once more what was computed on a cell, and compare the bytes."""
        return self._ask("POST", of_cell(vm_id, f"replay?{query_of(after=after, limit=limit)}"), Replay)

    def _ask(self, method: str, path: str, answer: type[A], body: Message | None = None) -> A:
        """Return the answer. What was posted is never sent twice: the first time may have changed a cell."""
        text = None if body is None else body.model_dump_json(exclude_unset=True)
        return read_message(self._send(method, path, text, tries=1 if method == "POST" else 2), answer)


def query_of(**wanted: Any) -> str:
    """Return the query of a URL; what is null is left out."""
    return urlencode({name: value for name, value in wanted.items() if value is not None})


def as_message(message: type[M], given: M | Mapping[str, Any]) -> M:
    """Return what was given, read where it is a mapping."""
    return parse(message, given) if isinstance(given, Mapping) else given
