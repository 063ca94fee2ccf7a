"""The parts of jobs: those that are finished, and those whose results are lost again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select, update

from bioxen.errors import JobNotFoundError
from bioxen.protocol.jobs import Job
from bioxen.server.store.clock import now
from bioxen.server.store.jobs.queries import ended_error, find
from bioxen.server.store.results import record_result
from bioxen.server.store.tables import jobs, shards


def progress(connection: Connection, owner_id: str, job_id: str) -> tuple[Job, set[int]]:
    """Return a job and the numbers of its finished parts.

    Raises:
        JobNotFoundError: the owner has none of that id.
    """
    job = find(connection, owner_id, job_id)
    numbers = connection.execute(select(shards.c.number).where(shards.c.job_id == job_id))
    return job, {row.number for row in numbers}


def find_shard(connection: Connection, owner_id: str, job_id: str, number: int) -> str:
    """Return the digest of a finished part.

    Raises:
        JobNotFoundError: the owner has no such job, or that part is not finished.
    """
    find(connection, owner_id, job_id)
    digest = connection.execute(
        select(shards.c.result_digest).where(shards.c.job_id == job_id, shards.c.number == number)
    ).scalar()
    if digest is None:
        raise JobNotFoundError(
            f"The job {job_id} has no finished part {number}.",
            details={"place": "number", "remedy": "Its events tell which parts are finished."},
        )
    return str(digest)


def finish_shard(
    connection: Connection, job_id: str, number: int, digest: str, size: int, seconds: float
) -> None:
    """Record a finished part, whose content is kept already.

    One that is recorded already stays: where a connection broke, nobody knows whether the first time counted.

    Raises:
        JobStateError: the job has ended, by a cancel say.
    """
    there = select(shards.c.number).where(shards.c.job_id == job_id, shards.c.number == number)
    if connection.execute(there).first() is not None:
        return
    record_result(connection, digest, size)
    connection.execute(
        insert(shards).values(
            job_id=job_id, number=number, result_digest=digest, seconds=seconds, finished_at=now()
        )
    )
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job_id, jobs.c.state == "running")
        .values(parts_done=jobs.c.parts_done + 1, seconds=jobs.c.seconds + seconds, heartbeat_at=now())
    )
    if changed.rowcount != 1:
        raise ended_error(connection, job_id, "running")


def forget_shards(connection: Connection, job_id: str, numbers: Sequence[int]) -> None:
    """Forget finished parts whose results are lost: they have to be computed again."""
    gone = connection.execute(
        delete(shards).where(shards.c.job_id == job_id, shards.c.number.in_(list(numbers)))
    )
    connection.execute(
        update(jobs).where(jobs.c.job_id == job_id).values(parts_done=jobs.c.parts_done - gone.rowcount)
    )
