"""Pages of rows that carry documents: no longer than asked for, and no larger than memory bears."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select

MOST_CHARACTERS = 8_000_000
"""Of documents on one page; one row may have more."""


def fitting(
    connection: Connection, query: Select[Any], limit: int, documents: Iterable[str]
) -> tuple[list[Row[Any]], bool]:
    """Return the first rows of a query that fit on a page, and whether there are more.

    Args:
        connection: to the database.
        query: asks for the rows in order.
        limit: the most rows, at least 1.
        documents: names of the columns with texts.
    """
    found: list[Row[Any]] = []
    size = 0
    streamed = query.limit(limit + 1).execution_options(stream_results=True, max_row_buffer=16)
    with connection.execute(streamed) as rows:
        for row in rows:
            size += sum(len(row._mapping[name] or "") for name in documents)
            if found and (len(found) == limit or size > MOST_CHARACTERS):
                return found, True
            found.append(row)
    return found, False
