"""The records of results: which files are wanted, and which are not any more."""

from __future__ import annotations

import contextlib

from sqlalchemy import Connection, case, delete, insert, select, union, update
from sqlalchemy.exc import IntegrityError

from bioxen.server.store.clock import now
from bioxen.server.store.database import keep_others_out
from bioxen.server.store.tables import jobs, results, shards
from bioxen.server.store.texts import chunks

JSON = "application/json"
NPY = "application/x-npy"
"""An array in NumPy's format; no row refers to it, so its age decides how long it is kept."""


def record_result(connection: Connection, digest: str, size: int, media_type: str = JSON) -> None:
    """Note a file that is kept already."""
    if connection.execute(select(results.c.digest).where(results.c.digest == digest)).first() is not None:
        return
    values = {"digest": digest, "size": size, "media_type": media_type, "created_at": now()}
    with contextlib.suppress(IntegrityError), connection.begin_nested():  # another server noted it just now
        connection.execute(insert(results).values(values))


def record_array(connection: Connection, digest: str, size: int) -> None:
    """Note an array whose file is kept already, as of now."""
    record_result(connection, digest, size, NPY)
    connection.execute(update(results).where(results.c.digest == digest).values(created_at=now()))


def array_is_kept(connection: Connection, digest: str) -> bool:
    """Return whether there is an array of that digest."""
    found = select(results.c.digest).where(results.c.digest == digest, results.c.media_type == NPY)
    return connection.execute(found).first() is not None


def drop_unused(connection: Connection, before: str, arrays_before: str) -> list[str]:
    """Forget the results older than `before` that nothing refers to; return their digests.

    Arrays are forgotten where they are older than `arrays_before`: results in other hands
    name them. Parts of a job that is done are in its result: nothing refers to them then.
    """
    keep_others_out(connection, "results")  # who has found a result is about to refer to it
    used = union(
        select(jobs.c.result_digest).where(jobs.c.result_digest.is_not(None)), select(shards.c.result_digest)
    )
    rows = connection.execute(
        select(results.c.digest).where(
            results.c.created_at < case((results.c.media_type == NPY, arrays_before), else_=before),
            results.c.digest.not_in(used),
        )
    )
    digests = [row.digest for row in rows]
    for some in chunks(digests):
        connection.execute(delete(results).where(results.c.digest.in_(some)))
    return digests


def all_digests(connection: Connection) -> set[str]:
    """Return the digest of every result that is kept."""
    return {row.digest for row in connection.execute(select(results.c.digest))}
