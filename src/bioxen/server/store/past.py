"""The past of cells: snapshots, what was computed, and who descends from whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select

from bioxen.errors import VmStateError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta, Living
from bioxen.protocol.lineage import HistoryEntry, Kin, Lineage, Snapshot
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.clock import now
from bioxen.server.store.tables import cells, history, snapshots, texts
from bioxen.server.store.texts import keep_texts, text_of

CHILDREN = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A process that was computed on a cell; the documents are JSON texts."""

    process_code: str
    context: str
    advance: bool
    delta: str
    living: str | None
    request_digest: str
    result_digest: str


@dataclass(frozen=True, slots=True)
class Past:
    """An entry of the history with what it started from."""

    entry: HistoryEntry
    context: str
    delta: str
    living: str | None


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
    rows = connection.execute(_snapshots(record).order_by(snapshots.c.number))
    return [_snapshot(row) for row in rows]


def find_snapshot(connection: Connection, record: CellRecord, number: int) -> Snapshot:
    """Return one snapshot of a cell.

    Raises:
        VmStateError: the cell has none of that number.
    """
    row = connection.execute(_snapshots(record).where(snapshots.c.number == number)).first()
    if row is None:
        raise VmStateError(
            f"The cell {record.vm_id!r} has no snapshot {number}.",
            details={"place": "snapshot", "remedy": "GET /vms/{vm_id}/snapshots lists those it has."},
        )
    return _snapshot(row)


def add_computed(connection: Connection, cell_id: int, done: Computed) -> None:
    """Note a process that was computed."""
    documents = [done.context, done.delta, *([done.living] if done.living is not None else [])]
    numbers = keep_texts(connection, documents)
    last = connection.execute(select(func.max(history.c.number)).where(history.c.cell_id == cell_id)).scalar()
    connection.execute(
        insert(history).values(
            cell_id=cell_id,
            number=(last or 0) + 1,
            process_code=done.process_code,
            context=numbers[done.context],
            advance=done.advance,
            delta=numbers[done.delta],
            living=None if done.living is None else numbers[done.living],
            request_digest=done.request_digest,
            result_digest=done.result_digest,
            created_at=now(),
        )
    )


def computed(connection: Connection, cell_id: int, after: int, limit: int) -> tuple[list[Past], int | None]:
    """Return what was computed on a cell after the entry `after`, the first first, and what to ask next."""
    context, delta, living = texts.alias("context"), texts.alias("delta"), texts.alias("living")
    query = (
        select(history, text_of(context), text_of(delta), text_of(living))
        .join(context, context.c.text_id == history.c.context)
        .join(delta, delta.c.text_id == history.c.delta)
        .outerjoin(living, living.c.text_id == history.c.living)
        .where(history.c.cell_id == cell_id, history.c.number > after)
        .order_by(history.c.number)
        .limit(limit + 1)
    )
    rows = connection.execute(query).all()
    found = [
        Past(HistoryEntry(**{name: row._mapping[name] for name in HistoryEntry.model_fields}), *row[-3:])
        for row in rows[:limit]
    ]
    return found, found[-1].entry.number if len(rows) > limit else None


def lineage(connection: Connection, record: CellRecord) -> Lineage:
    """Return whom a cell descends from, and who was forked from it."""
    ancestors, cell_id = [], record.cell_id
    while cell_id is not None:
        row = connection.execute(_kin().where(cells.c.cell_id == cell_id)).one()
        ancestors.append(_relative(row))
        cell_id = row.parent
    rows = connection.execute(
        _kin().where(cells.c.parent == record.cell_id).order_by(cells.c.cell_id).limit(CHILDREN)
    )
    return Lineage(ancestors=ancestors, children=[_relative(row) for row in rows])


def _snapshots(record: CellRecord) -> Any:
    delta, living = texts.alias("delta"), texts.alias("living")
    return (
        select(
            snapshots.c.number,
            snapshots.c.name,
            snapshots.c.created_at,
            text_of(delta).label("delta"),
            text_of(living).label("living"),
        )
        .join(delta, delta.c.text_id == snapshots.c.delta)
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


def _kin() -> Any:
    return select(
        cells.c.vm_id, cells.c.parent, cells.c.created_at, cells.c.destroyed_at, text_of(texts).label("text")
    ).outerjoin(texts, texts.c.text_id == cells.c.changes)


def _relative(row: Any) -> Kin:
    return Kin(
        vm_id=row.vm_id,
        changes=None if row.text is None else parse(Delta, row.text),
        created_at=row.created_at,
        destroyed=row.destroyed_at is not None,
    )
