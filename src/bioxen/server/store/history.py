"""The history of cells: what was computed on each, how it was edited, and where it was set back to."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select

from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta, Living
from bioxen.protocol.lineage import HistoryEntry, Standing
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.clock import now
from bioxen.server.store.paging import fitting
from bioxen.server.store.tables import history, texts
from bioxen.server.store.texts import keep_texts, text_of

DOCUMENTS = ("context", "delta", "living", "new_delta", "new_living")
"""Columns that refer to texts."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A process of the history with what it started from, enough to compute it again."""

    number: int
    process_code: str
    context: str
    delta: str
    living: str | None
    request_digest: str
    result_digest: str


def add_computed(connection: Connection, cell_id: int, done: Computed, living: str | None = None) -> None:
    """Note a process that was computed, and for one that advances the cell where it stands now."""
    new = {"new_delta": done.delta, "new_living": living} if done.advance else {}
    documents = {"context": done.context, "delta": done.delta, "living": done.living, **new}
    _add(
        connection,
        cell_id,
        documents,
        process_code=done.process_code,
        advance=done.advance,
        request_digest=done.request_digest,
        result_digest=done.result_digest,
    )


def add_edit(connection: Connection, record: CellRecord, delta: str) -> None:
    """Note that a cell is edited; the record says what it is before."""
    _add(connection, record.cell_id, _from(record) | {"new_delta": delta, "new_living": record.living})


def add_restore(
    connection: Connection, record: CellRecord, snapshot: int, delta: str, living: str | None
) -> None:
    """Note that a cell is set to a snapshot; the record says where it stands before."""
    documents = _from(record) | {"new_delta": delta, "new_living": living}
    _add(connection, record.cell_id, documents, snapshot=snapshot)


def page(
    connection: Connection, record: CellRecord, after: int, limit: int
) -> tuple[list[HistoryEntry], int | None]:
    """Return what became of a cell after the entry `after`, the first first, and what to ask next."""
    found, more = fitting(connection, _entries(record.cell_id, after), limit, DOCUMENTS)
    return [_entry(row) for row in found], found[-1].number if more else None


def computed(
    connection: Connection, record: CellRecord, after: int, limit: int
) -> tuple[list[Past], int | None]:
    """Return what was computed on a cell after the entry `after`, the first first, and what to ask next."""
    query = _entries(record.cell_id, after).where(history.c.process_code.is_not(None))
    found, more = fitting(connection, query, limit, DOCUMENTS)
    names = [field.name for field in fields(Past)]
    past = [Past(**{name: row._mapping[name] for name in names}) for row in found]
    return past, found[-1].number if more else None


def _from(record: CellRecord) -> dict[str, str | None]:
    return {"delta": record.delta, "living": record.living}


def _add(connection: Connection, cell_id: int, documents: dict[str, str | None], **values: Any) -> None:
    numbers = keep_texts(connection, (text for text in documents.values() if text is not None))
    last = connection.execute(select(func.max(history.c.number)).where(history.c.cell_id == cell_id)).scalar()
    references = {name: None if text is None else numbers[text] for name, text in documents.items()}
    row = {"advance": False, **values, **references}
    connection.execute(
        insert(history).values(cell_id=cell_id, number=(last or 0) + 1, created_at=now(), **row)
    )


def _entries(cell_id: int, after: int) -> Select[Any]:
    kept = {name: texts.alias(name) for name in DOCUMENTS}
    own = [column for column in history.c if column.name not in DOCUMENTS]
    query = select(*own, *(text_of(alias).label(name) for name, alias in kept.items())).select_from(history)
    for name, alias in kept.items():
        query = query.outerjoin(alias, alias.c.text_id == history.c[name])
    return query.where(history.c.cell_id == cell_id, history.c.number > after).order_by(history.c.number)


def _entry(row: Any) -> HistoryEntry:
    return HistoryEntry(
        number=row.number,
        kind="process" if row.process_code is not None else "edit" if row.snapshot is None else "restore",
        process_code=row.process_code,
        context=None if row.context is None else json.loads(row.context),
        advance=row.advance,
        request_digest=row.request_digest,
        result_digest=row.result_digest,
        snapshot=row.snapshot,
        before=_standing(row.delta, row.living),
        after=None if row.new_delta is None else _standing(row.new_delta, row.new_living),
        created_at=row.created_at,
    )


def _standing(delta: str, living: str | None) -> Standing:
    return Standing(delta=parse(Delta, delta), living=None if living is None else parse(Living, living))
