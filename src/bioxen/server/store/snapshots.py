"""Snapshots of cells: where each stood, at moments somebody wanted to come back to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from bioxen.errors import VmStateError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta, Living
from bioxen.protocol.lineage import Snapshot
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.clock import now
from bioxen.server.store.tables import cells, snapshots, texts
from bioxen.server.store.texts import text_of

REMEDY = "`bioxen cells snapshots`, or GET /vms/{vm_id}/snapshots, lists those it has."


def take_snapshot(connection: Connection, record: CellRecord, name: str | None) -> Snapshot:
    """Keep a cell's edits and living state as they are now."""
    query = select(func.max(snapshots.c.number)).where(snapshots.c.cell_id == record.cell_id)
    number = (connection.execute(query).scalar() or 0) + 1
    kept = select(cells.c.delta, cells.c.living).where(cells.c.cell_id == record.cell_id)
    delta, living = connection.execute(kept).one()
    connection.execute(
        insert(snapshots).values(
            cell_id=record.cell_id, number=number, name=name, delta=delta, living=living, created_at=now()
        )
    )
    return find_snapshot(connection, record, number)


def list_snapshots(connection: Connection, record: CellRecord) -> list[Snapshot]:
    """Return a cell's snapshots, the first first."""
    query = _snapshots(record).where(snapshots.c.deleted_at.is_(None))
    return [_snapshot(row) for row in connection.execute(query.order_by(snapshots.c.number))]


def find_snapshot(connection: Connection, record: CellRecord, number: int) -> Snapshot:
    """Return one snapshot of a cell.

    Raises:
        VmStateError: the cell has none of that number, or not any more.
    """
    row = connection.execute(_snapshots(record).where(snapshots.c.number == number)).first()
    if row is None or row.deleted_at is not None:
        why = "." if row is None else " any more: it was deleted."
        raise VmStateError(
            f"The cell {record.vm_id!r} has no snapshot {number}{why}",
            details={"place": "snapshot", "remedy": REMEDY},
        )
    return _snapshot(row)


def delete_snapshot(connection: Connection, record: CellRecord, number: int) -> None:
    """Forget what a snapshot holds. Its number stays taken: forks and the history name it.

    Raises:
        VmStateError: see `find_snapshot`.
    """
    find_snapshot(connection, record, number)
    connection.execute(
        update(snapshots)
        .where(snapshots.c.cell_id == record.cell_id, snapshots.c.number == number)
        .values(delta=None, living=None, deleted_at=now())
    )


def _snapshots(record: CellRecord) -> Any:
    delta, living = texts.alias("delta"), texts.alias("living")
    return (
        select(
            snapshots.c.number,
            snapshots.c.name,
            snapshots.c.created_at,
            snapshots.c.deleted_at,
            text_of(delta).label("delta"),
            text_of(living).label("living"),
        )
        .outerjoin(delta, delta.c.text_id == snapshots.c.delta)
        .outerjoin(living, living.c.text_id == snapshots.c.living)
        .where(snapshots.c.cell_id == record.cell_id)
    )


def _snapshot(row: Any) -> Snapshot:
    return Snapshot(
        number=row.number,
        name=row.name,
        delta=parse(Delta, row.delta),
        living=None if row.living is None else parse(Living, row.living),
        created_at=row.created_at,
    )
