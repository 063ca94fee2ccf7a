"""Every change of a cell: one transaction each, and the claims in step with it.

A change reads the record, checks what the cell's state allows, and writes. There is one writer, so nothing
comes between.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from bioxen.errors import BioXenException, VmNotFoundError, VmStateError
from bioxen.protocol.cells import Delta, Living, Resources, VmSpec, VmStatus
from bioxen.protocol.lineage import ForkSpec, Snapshot
from bioxen.server.hypervisor.hosts import Claims
from bioxen.server.hypervisor.images import delta_of, forked, new_cell, resources_of, status_of, text_of
from bioxen.server.store import cells, history, snapshots
from bioxen.server.store.cell_quotas import CellGate
from bioxen.server.store.cell_spending import spend
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.history import Computed
from bioxen.server.store.tables import cells as table
from bioxen.vm.lifecycle import Verb, advance
from bioxen.vm.tenant import check_edits, check_memory

NOTHING = Delta()


def create(connection: Connection, claims: Claims, owner: str, specs: Sequence[VmSpec]) -> None:
    """Make cells, all or none."""
    new = []
    for number, spec in enumerate(specs):
        with placed(f"cells.{number}", len(specs)):
            new.append(new_cell(spec))
    cells.add(connection, owner, new)
    for number, spec in enumerate(specs):
        with placed(f"cells.{number}", len(specs)):
            claims.grant(spec.vm_id, spec.config.resources)


def act(connection: Connection, claims: Claims, owner: str, vm_ids: Sequence[str], verb: Verb) -> None:
    """Move cells through their life, all or none."""
    records = _each(connection, owner, vm_ids)
    following = [advance(record.state, verb, record.vm_id) for record in records]  # type: ignore[arg-type]
    if verb == "start":
        for record in records:
            claims.grant(record.vm_id, resources_of(record))
    elif verb in ("stop", "destroy"):
        claims.release(records)
    numbers = [record.cell_id for record in records]
    if verb == "destroy":
        cells.remove(connection, numbers)
    elif records:
        cells.change(connection, numbers, state=following[0])


def set_delta(
    connection: Connection, _: Claims, owner: str, vm_id: str, delta: Delta, gate: CellGate
) -> VmStatus:
    """Replace a cell's edits, where it may store more: its history keeps those of before."""
    record = cells.find(connection, owner, vm_id)
    check_edits(vm_id, resources_of(record), delta)
    edits = text_of(delta)
    if edits != record.delta:  # who asks twice has edited it once
        gate.check_room(connection, record)
        history.add_edit(connection, record, edits)
        cells.change(connection, [record.cell_id], delta=edits)
        gate.stored(record)
    return status(connection, owner, vm_id)


def allocate(connection: Connection, claims: Claims, owner: str, vm_id: str, wanted: Resources) -> VmStatus:
    """Set what a cell asks for, and give it."""
    record = cells.find(connection, owner, vm_id)
    check_memory(wanted, delta_of(record.delta))
    if record.state != "stopped":
        claims.grant(vm_id, wanted)
    cells.change(connection, [record.cell_id], resources=text_of(wanted))
    return status(connection, owner, vm_id)


def fork(connection: Connection, _: Claims, owner: str, vm_id: str, specs: Sequence[ForkSpec]) -> None:
    """Make cells that begin where another stands, all or none. They hold no resources."""
    record = cells.find(connection, owner, vm_id)
    new = []
    for number, spec in enumerate(specs):
        delta, living = delta_of(record.delta), record.living
        if spec.snapshot is not None:
            with placed(f"cells.{number}", len(specs)):
                kept = snapshots.find_snapshot(connection, record, spec.snapshot)
            delta, living = kept.delta, None if kept.living is None else text_of(kept.living)
        new.append(forked(record, spec, delta, living))
    cells.add(connection, owner, new)


def snapshot(
    connection: Connection, _: Claims, owner: str, vm_id: str, name: str | None, gate: CellGate
) -> Snapshot:
    """Keep a cell's edits and living state as they are now, where it may store more."""
    record = cells.find(connection, owner, vm_id)
    gate.check_room(connection, record)
    return snapshots.take_snapshot(connection, record, name)


def delete_snapshot(connection: Connection, _: Claims, owner: str, vm_id: str, number: int) -> None:
    """Forget a snapshot of a cell; what was forked from it, or restored to it, stays as it is."""
    snapshots.delete_snapshot(connection, cells.find(connection, owner, vm_id), number)


def restore(connection: Connection, _: Claims, owner: str, vm_id: str, number: int) -> VmStatus:
    """Set a cell back, or forward, to a snapshot; the snapshots and its life stay as they are."""
    record = cells.find(connection, owner, vm_id)
    kept = snapshots.find_snapshot(connection, record, number)
    check_edits(vm_id, resources_of(record), kept.delta)
    delta, living = text_of(kept.delta), None if kept.living is None else text_of(kept.living)
    history.add_restore(connection, record, number, delta, living)
    cells.change(connection, [record.cell_id], delta=delta, living=living)
    return status(connection, owner, vm_id)


def ran(
    connection: Connection,
    _: Claims,
    owner: str,
    before: CellRecord,
    done: Computed | None,
    living: Living | None,
    cache_hit: bool,
    seconds: float,
) -> None:
    """Note that a process ran on a cell, and the computing time it took; see `note`."""
    note(connection, owner, before, done, living, cache_hit)
    spend(connection, before.cell_id, seconds)


def note(
    connection: Connection,
    owner: str,
    before: CellRecord,
    done: Computed | None,
    living: Living | None,
    cache_hit: bool = False,
) -> None:
    """Note that a process ran on a cell, and where the cell stands now if it advanced it.

    Raises:
        VmNotFoundError: the cell that was to advance is gone.
        VmStateError: it was changed in the meantime.
    """
    advances = done is not None and done.advance
    try:
        present = cells.find(connection, owner, before.vm_id)
    except VmNotFoundError:
        if advances:
            raise
        return
    if not _is_same(present, before) or (advances and not _stands(present, before)):
        if advances:
            raise _changed(before.vm_id)
        return
    stands = None if living is None else text_of(living)
    if done is not None:
        history.add_computed(connection, before.cell_id, done, stands)
    counted = {"processes_executed": table.c.processes_executed + 1}
    if cache_hit:
        counted["cache_hits"] = table.c.cache_hits + 1
    moved = {"living": stands} if advances else {}
    cells.change(connection, [before.cell_id], **counted, **moved)


def set_quotas(connection: Connection, _: Claims, owner: str, vm_id: str, own: str | None) -> None:
    """Set what a cell may have of the server; null for what every cell may."""
    cells.change(connection, [cells.find(connection, owner, vm_id).cell_id], quotas=own)


def status(connection: Connection, owner: str, vm_id: str) -> VmStatus:
    """Return what a cell says of itself."""
    return status_of(cells.find(connection, owner, vm_id))


@contextlib.contextmanager
def placed(where: str, total: int) -> Iterator[None]:
    """Say which of several an error is about."""
    try:
        yield
    except BioXenException as error:
        if total > 1:
            place = error.details.get("place")
            error.details["place"] = f"{where}.{place}" if place else where
        raise


def _each(connection: Connection, owner: str, vm_ids: Sequence[str]) -> list[CellRecord]:
    if len(vm_ids) == 1:
        return [cells.find(connection, owner, vm_ids[0])]
    return cells.find_many(connection, owner, list(dict.fromkeys(vm_ids)))


def _is_same(present: CellRecord, before: CellRecord) -> bool:
    return (present.cell_id, present.created_at) == (before.cell_id, before.created_at)


def _stands(present: CellRecord, before: CellRecord) -> bool:
    return (present.living, present.delta, present.state) == (before.living, before.delta, before.state)


def _changed(vm_id: str) -> VmStateError:
    return VmStateError(
        f"The cell {vm_id!r} was changed while the process ran, so it did not advance.",
        details={"vm_id": vm_id, "remedy": "Ask again: the process then starts from where the cell stands."},
    )
