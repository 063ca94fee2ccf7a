"""The records of cells. What a cell is made of stands in `texts`; a record refers to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, select, update

from bioxen.errors import VmCreationError, VmNotFoundError, did_you_mean
from bioxen.server.store.clock import now
from bioxen.server.store.tables import cells, texts
from bioxen.server.store.texts import chunks, keep_texts, text_of

PAGE = 100
FOR_NEAR_MATCHES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCell:
    """What a record is made from; the documents are JSON texts."""

    vm_id: str
    biological_type: str
    image: str
    delta: str
    living: str | None = None
    state: str = "created"
    resources: str | None = None
    parent: int | None = None
    snapshot: int | None = None
    changes: str | None = None
    quotas: str | None = None


@dataclass(frozen=True, slots=True)
class CellRecord:
    """A cell as it is kept; the documents are JSON texts."""

    cell_id: int
    owner_id: str
    vm_id: str
    image: str
    delta: str
    living: str | None
    state: str
    resources: str | None
    processes_executed: int
    cache_hits: int
    created_at: str
    quotas: str | None = None
    """Those of its own."""


def add(connection: Connection, owner_id: str, new: Sequence[NewCell]) -> None:
    """Keep new cells, all or none.

    Raises:
        VmCreationError: an id is taken, or given twice.
    """
    _check_free(connection, owner_id, [cell.vm_id for cell in new])
    documents = (text for cell in new for text in (cell.image, cell.delta, cell.living, cell.changes))
    numbers = keep_texts(connection, (text for text in documents if text is not None))
    moment = now()
    rows = [
        {
            "owner_id": owner_id,
            "vm_id": cell.vm_id,
            "biological_type": cell.biological_type,
            "image": numbers[cell.image],
            "delta": numbers[cell.delta],
            "living": None if cell.living is None else numbers[cell.living],
            "state": cell.state,
            "resources": cell.resources,
            "processes_executed": 0,
            "cache_hits": 0,
            "parent": cell.parent,
            "snapshot": cell.snapshot,
            "changes": None if cell.changes is None else numbers[cell.changes],
            "created_at": moment,
            "quotas": cell.quotas,
        }
        for cell in new
    ]
    connection.execute(insert(cells), rows)


def find(connection: Connection, owner_id: str, vm_id: str) -> CellRecord:
    """Return a cell of this owner.

    Raises:
        VmNotFoundError: the owner has none of that id.
    """
    row = connection.execute(_whole().where(*_alive(owner_id), cells.c.vm_id == vm_id)).first()
    if row is None:
        raise _unknown(connection, owner_id, vm_id)
    return _record(row)


def find_many(connection: Connection, owner_id: str, vm_ids: Sequence[str]) -> list[CellRecord]:
    """Return cells of this owner, in the order asked.

    Raises:
        VmNotFoundError: the owner has none of one of these ids.
    """
    found: dict[str, CellRecord] = {}
    for some in chunks(vm_ids):
        rows = connection.execute(_whole().where(*_alive(owner_id), cells.c.vm_id.in_(some)))
        found |= {row.vm_id: _record(row) for row in rows}
    for number, vm_id in enumerate(vm_ids):
        if vm_id not in found:
            error = _unknown(connection, owner_id, vm_id)
            error.details["place"] = f"vm_ids.{number}"
            raise error
    return [found[vm_id] for vm_id in vm_ids]


def page(
    connection: Connection,
    owner_id: str,
    *,
    after: str | None = None,
    limit: int = PAGE,
    state: str | None = None,
    biological_type: str | None = None,
) -> tuple[list[CellRecord], str | None]:
    """Return an owner's cells in the order of their ids, and after which to ask for more."""
    query = _whole().where(*_alive(owner_id))
    if state is not None:
        query = query.where(cells.c.state == state)
    if biological_type is not None:
        query = query.where(cells.c.biological_type == biological_type)
    if after is not None:
        query = query.where(cells.c.vm_id > after)
    rows = connection.execute(query.order_by(cells.c.vm_id).limit(limit + 1)).all()
    found = [_record(row) for row in rows[:limit]]
    return found, found[-1].vm_id if len(rows) > limit else None


def claiming(connection: Connection, owner_id: str) -> list[CellRecord]:
    """Return an owner's cells that hold resources."""
    query = _whole().where(*_alive(owner_id), cells.c.resources.is_not(None), cells.c.state != "stopped")
    return [_record(row) for row in connection.execute(query.order_by(cells.c.cell_id))]


def count(connection: Connection, owner_id: str) -> int:
    """Return how many cells an owner has."""
    return int(connection.execute(select(func.count()).where(*_alive(owner_id))).scalar_one())


def change(connection: Connection, cell_ids: Iterable[int], **values: Any) -> None:
    """Set columns of cells; a document is given as its text."""
    documents = {name: values[name] for name in ("delta", "living") if values.get(name) is not None}
    numbers = keep_texts(connection, documents.values()) if documents else {}
    values |= {name: numbers[text] for name, text in documents.items()}
    for some in chunks(cell_ids):
        connection.execute(update(cells).where(cells.c.cell_id.in_(some)).values(**values))


def remove(connection: Connection, cell_ids: Sequence[int]) -> None:
    """End cells. A record stays, as destroyed, while cells that live descend from it."""
    moment = now()
    for some in chunks(cell_ids):
        connection.execute(
            update(cells).where(cells.c.cell_id.in_(some)).values(state="destroyed", destroyed_at=moment)
        )
    ended = list(cell_ids)
    while ended:
        parents: set[int] = set()
        for some in chunks(ended):
            children = select(cells.c.parent).where(cells.c.parent.in_(some))
            gone = and_(
                cells.c.cell_id.in_(some), cells.c.destroyed_at.is_not(None), cells.c.cell_id.not_in(children)
            )
            rows = connection.execute(select(cells.c.parent).where(gone, cells.c.parent.is_not(None)))
            parents |= {row.parent for row in rows}
            connection.execute(delete(cells).where(gone))
        ended = sorted(parents)


def _alive(owner_id: str) -> tuple[Any, ...]:
    return cells.c.owner_id == owner_id, cells.c.destroyed_at.is_(None)


def _whole() -> Select[Any]:
    image, delta, living = texts.alias("image"), texts.alias("delta"), texts.alias("living")
    return (
        select(
            cells.c.cell_id,
            cells.c.owner_id,
            cells.c.vm_id,
            text_of(image).label("image"),
            text_of(delta).label("delta"),
            text_of(living).label("living"),
            cells.c.state,
            cells.c.resources,
            cells.c.processes_executed,
            cells.c.cache_hits,
            cells.c.created_at,
            cells.c.quotas,
        )
        .join(image, image.c.text_id == cells.c.image)
        .join(delta, delta.c.text_id == cells.c.delta)
        .outerjoin(living, living.c.text_id == cells.c.living)
    )


def _record(row: Row[Any]) -> CellRecord:
    return CellRecord(**row._mapping)


def _check_free(connection: Connection, owner_id: str, vm_ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for vm_id in vm_ids:
        if vm_id in seen:
            raise _taken(vm_id, "is given twice")
        seen.add(vm_id)
    for some in chunks(vm_ids):
        query = select(cells.c.vm_id).where(*_alive(owner_id), cells.c.vm_id.in_(some))
        taken = connection.execute(query.order_by(cells.c.vm_id).limit(1)).scalar()
        if taken is not None:
            raise _taken(str(taken), "is registered already")


def _taken(vm_id: str, why: str) -> VmCreationError:
    return VmCreationError(
        f"A cell {vm_id!r} {why}.",
        details={"place": "vm_id", "remedy": "Choose another id, or destroy that cell."},
    )


def _unknown(connection: Connection, owner_id: str, vm_id: str) -> VmNotFoundError:
    query = select(cells.c.vm_id).where(*_alive(owner_id)).order_by(cells.c.vm_id).limit(FOR_NEAR_MATCHES)
    known = [row.vm_id for row in connection.execute(query)]
    return VmNotFoundError(
        f"No cell {vm_id!r} is registered.", details={"place": "vm_id", **did_you_mean(vm_id, known)}
    )
