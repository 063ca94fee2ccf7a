"""Small documents, each kept once under its sha256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    String,
    Text,
    TypeDecorator,
    delete,
    insert,
    select,
    type_coerce,
    union_all,
)

from bioxen.errors import ComputationError
from bioxen.server.store.database import keep_others_out
from bioxen.server.store.faults import RESTORE
from bioxen.server.store.tables import cells, history, job_models, models, snapshots, texts

T = TypeVar("T")
DIGITS = 64
"""Characters of a sha256."""
AT_ONCE = 5_000
"""Values in one statement: SQLite takes 32,766."""


class _Checked(TypeDecorator[str]):
    """A text behind its sha256, given without it where the two fit."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - it is asked so
        """Return the text.

        Raises:
            ComputationError: it is not what was written.
        """
        if value is None:
            return None
        digest, text = value[:DIGITS], value[DIGITS:]
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            raise ComputationError(
                f"The stored document {digest[:12]}… of a cell, or text of a model, was changed on the disk.",
                details={"place": digest, "remedy": f"What refers to it cannot be read. {RESTORE}"},
            )
        return text


def text_of(kept: FromClause) -> ColumnElement[str]:
    """Return the column with the text of a row of `texts`, or of an alias of it, checked as it is read."""
    return type_coerce(type_coerce(kept.c.digest, String) + kept.c.text, _Checked)


def chunks(values: Iterable[T]) -> Iterator[Sequence[T]]:
    """Give the values in portions that one statement takes."""
    waiting = iter(values)
    while some := list(islice(waiting, AT_ONCE)):
        yield some


def keep_texts(connection: Connection, wanted: Iterable[str]) -> dict[str, int]:
    """Return text → number, each kept from now on."""
    by_digest = {hashlib.sha256(text.encode()).hexdigest(): text for text in set(wanted)}
    known = _numbers(connection, by_digest)
    new = [{"digest": digest, "text": text} for digest, text in by_digest.items() if digest not in known]
    if new:
        connection.execute(insert(texts), new)
        known |= _numbers(connection, [row["digest"] for row in new])
    return {text: known[digest] for digest, text in by_digest.items()}


def keep_text(connection: Connection, text: str) -> int:
    """Return the number of one text."""
    return keep_texts(connection, [text])[text]


def drop_unused_texts(connection: Connection) -> int:
    """Forget the texts that nothing refers to; return how many."""
    keep_others_out(connection, "texts")  # who has found a text is about to refer to it
    references = [
        *(cells.c.image, cells.c.delta, cells.c.living, cells.c.changes),
        *(snapshots.c.delta, snapshots.c.living),
        *(history.c.context, history.c.delta, history.c.living, history.c.new_delta, history.c.new_living),
        *(models.c.text, job_models.c.text),
    ]
    used = union_all(*(select(column).where(column.is_not(None)) for column in references))
    return connection.execute(delete(texts).where(texts.c.text_id.not_in(used))).rowcount


def _numbers(connection: Connection, digests: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in chunks(digests):
        rows = connection.execute(select(texts.c.digest, texts.c.text_id).where(texts.c.digest.in_(some)))
        found |= {row.digest: row.text_id for row in rows}
    return found
