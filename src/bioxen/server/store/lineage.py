"""Who descends from whom, from which snapshot, by which change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, literal, select

from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta
from bioxen.protocol.lineage import Kin, Lineage
from bioxen.server.store.cells import PAGE, CellRecord
from bioxen.server.store.paging import fitting
from bioxen.server.store.tables import cells, texts
from bioxen.server.store.texts import text_of

mother = cells.alias("mother")


def lineage(
    connection: Connection, record: CellRecord, after: str | None = None, limit: int = PAGE
) -> Lineage:
    """Return whom a cell descends from, and who was forked from it, in the order of their ids.

    Args:
        connection: to the database.
        record: the cell.
        after: begin after children of this id.
        limit: how many children; more where the last ones share an id, which but one of them had before.
    """
    children, more = _children(connection, record, after, limit)
    return Lineage(
        ancestors=[_relative(row) for row in connection.execute(_line(record))],
        children=[_relative(row) for row in children],
        next=children[-1].vm_id if more else None,
    )


def _line(record: CellRecord) -> Any:
    """Ask for the cell itself, the one it was forked from, and so on."""
    first = select(cells.c.cell_id, cells.c.parent, literal(0).label("steps"))
    line = first.where(cells.c.cell_id == record.cell_id).cte("line", recursive=True)
    further = select(cells.c.cell_id, cells.c.parent, line.c.steps + 1)
    line = line.union_all(further.join(line, line.c.parent == cells.c.cell_id))
    return _kin().join(line, line.c.cell_id == cells.c.cell_id).order_by(line.c.steps)


def _children(
    connection: Connection, record: CellRecord, after: str | None, limit: int
) -> tuple[list[Any], bool]:
    """Return some children, and whether more follow.

    Those of one id stay together, so that `after` can be an id: all but one of them are destroyed.
    """
    query = _kin().where(cells.c.parent == record.cell_id).order_by(cells.c.vm_id, cells.c.cell_id)
    some = query if after is None else query.where(cells.c.vm_id > after)
    children, more = fitting(connection, some, limit, ("text",))
    if more:
        last = children[-1]
        same = query.where(cells.c.vm_id == last.vm_id, cells.c.cell_id > last.cell_id)
        children += connection.execute(same).all()
        following = query.where(cells.c.vm_id > last.vm_id).limit(1)
        more = connection.execute(following).first() is not None
    return children, more


def _kin() -> Any:
    return (
        select(
            cells.c.cell_id,
            cells.c.vm_id,
            mother.c.vm_id.label("parent"),
            cells.c.snapshot,
            cells.c.created_at,
            cells.c.destroyed_at,
            text_of(texts).label("text"),
        )
        .outerjoin(texts, texts.c.text_id == cells.c.changes)
        .outerjoin(mother, mother.c.cell_id == cells.c.parent)
    )


def _relative(row: Any) -> Kin:
    return Kin(
        vm_id=row.vm_id,
        parent=row.parent,
        snapshot=row.snapshot,
        changes=None if row.text is None else parse(Delta, row.text),
        created_at=row.created_at,
        destroyed=row.destroyed_at is not None,
    )
