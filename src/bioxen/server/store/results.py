"""The records of results: which files are wanted, and which are not any more."""

from __future__ import annotations

import contextlib

from sqlalchemy import Connection, delete, insert, select, union
from sqlalchemy.exc import IntegrityError

from bioxen.server.store.clock import now
from bioxen.server.store.database import keep_others_out
from bioxen.server.store.tables import jobs, results, shards

JSON = "application/json"
MANY = 1000
"""Digests in one statement: databases bound how many values it may have."""


def record_result(connection: Connection, digest: str, size: int, media_type: str = JSON) -> None:
    """Note a file that is kept already."""
    if connection.execute(select(results.c.digest).where(results.c.digest == digest)).first() is not None:
        return
    values = {"digest": digest, "size": size, "media_type": media_type, "created_at": now()}
    with contextlib.suppress(IntegrityError), connection.begin_nested():  # another server noted it just now
        connection.execute(insert(results).values(values))


def drop_unused(connection: Connection, before: str) -> list[str]:
    """Forget the results older than `before` that nothing refers to; return their digests.

    Parts of a job that is done are in its result: nothing refers to them then.
    """
    keep_others_out(connection, "results")  # who has found a result is about to refer to it
    used = union(
        select(jobs.c.result_digest).where(jobs.c.result_digest.is_not(None)), select(shards.c.result_digest)
    )
    rows = connection.execute(
        select(results.c.digest).where(results.c.created_at < before, results.c.digest.not_in(used))
    )
    digests = [row.digest for row in rows]
    for start in range(0, len(digests), MANY):
        some = digests[start : start + MANY]
        connection.execute(delete(results).where(results.c.digest.in_(some)))
    return digests


def all_digests(connection: Connection) -> set[str]:
    """Return the digest of every result that is kept."""
    return {row.digest for row in connection.execute(select(results.c.digest))}
