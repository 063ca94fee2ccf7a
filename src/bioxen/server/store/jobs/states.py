"""Changes of jobs. Every change of state names the states it may leave, so none goes backwards."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Update, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from bioxen.protocol.jobs import NEXT, Job, JobState
from bioxen.server.store.cell_spending import note_cells
from bioxen.server.store.clock import now
from bioxen.server.store.jobs.queries import ended_error, find, known
from bioxen.server.store.jobs.records import Admit, Begun, NewJob, Resolve
from bioxen.server.store.models import bind, bound
from bioxen.server.store.results import record_result
from bioxen.server.store.tables import jobs, shards


def submit(connection: Connection, new: NewJob, admit: Admit | None = None) -> Job:
    """Record a job as queued; the same key from the same owner gives the job that is there.

    `admit` may refuse a job that is not there yet, by raising.

    Raises:
        JobStateError: the key was used for another request.
    """
    digest = new.asked_digest or new.request_digest
    there = known(connection, new.owner_id, new.idempotency_key, digest)
    if there is not None:
        return there
    counted = [] if admit is None else admit(connection, new)
    values = {
        "job_id": new.job_id,
        "owner_id": new.owner_id,
        "idempotency_key": new.idempotency_key,
        "vm_id": new.vm_id,
        "process_code": new.process_code,
        "request": new.request,
        "request_digest": new.request_digest,
        "priority": new.priority,
        "deadline": new.deadline,
        "state": "queued",
        "cancel_asked": False,
        "attempts": 0,
        "parts_done": 0,
        "parts_total": new.parts_total,
        "seconds": 0.0,
        "created_at": now(),
        "advances": new.advances,
        "asked_digest": new.asked_digest,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(jobs).values(values))
    except IntegrityError:  # another server was given the same key just now
        return submit(connection, new, admit)
    note_cells(connection, new, counted)
    if new.model is not None:
        bind(connection, new.job_id, new.model)
    return find(connection, new.owner_id, new.job_id)


def begin(connection: Connection, job_id: str, resolve: Resolve | None = None) -> Begun:
    """Mark a job as running, for the first time or again, and return what is to be done.

    `resolve` may put another request in the place of the one that was accepted; that one stays.

    Raises:
        JobStateError: it has ended.
    """
    moment = now()
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job_id, jobs.c.state.in_(("queued", "running")))
        .values(
            state="running",
            attempts=jobs.c.attempts + 1,
            started_at=func.coalesce(jobs.c.started_at, moment),
            heartbeat_at=moment,
        )
    )
    if changed.rowcount != 1:
        raise ended_error(connection, job_id, "running")
    row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).one()
    request = row.request if resolve is None else resolve(connection, row.owner_id, row.request)
    if request != row.request:
        connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(request=request))
    finished = connection.execute(
        select(shards.c.number, shards.c.result_digest).where(shards.c.job_id == job_id)
    )
    return Begun(
        job_id=job_id,
        process_code=row.process_code,
        priority=row.priority,
        request=request,
        request_digest=row.request_digest,
        parts_total=row.parts_total,
        finished={shard.number: shard.result_digest for shard in finished},
        started_at=row.started_at,
        deadline=row.deadline,
        cancel_asked=row.cancel_asked,
        attempts=row.attempts,
        model=bound(connection, job_id),
    )


def complete(connection: Connection, job_id: str, digest: str, size: int, seconds: float) -> None:
    """Record the result, whose content is kept already.

    Raises:
        JobStateError: the job has ended, by a cancel say.
    """
    record_result(connection, digest, size)
    _move(
        connection,
        job_id,
        "done",
        result_digest=digest,
        parts_done=jobs.c.parts_total,
        seconds=jobs.c.seconds + seconds,
    )


def fail(connection: Connection, job_id: str, problem: dict[str, Any]) -> None:
    """Record what ended a job.

    Raises:
        JobStateError: it has ended.
    """
    _move(connection, job_id, "failed", error=json.dumps(problem))


def ask_to_cancel(connection: Connection, owner_id: str, job_id: str) -> Job:
    """Cancel a job that waits; note the wish on one that runs. One that has ended stays as it is.

    Raises:
        JobNotFoundError: the owner has none of that id.
    """
    job = find(connection, owner_id, job_id)
    if job.state == "queued":
        _move(connection, job_id, "cancelled", cancel_asked=True)
    elif not job.ended:
        connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(cancel_asked=True))
    return find(connection, owner_id, job_id)


def cancelled(connection: Connection, job_id: str) -> None:
    """Record that a job that was asked to stop has stopped.

    Raises:
        JobStateError: it has ended.
    """
    _move(connection, job_id, "cancelled")


def beat(connection: Connection) -> None:
    """Note that the jobs that run are still this server's, which works on the store alone."""
    connection.execute(update(jobs).where(jobs.c.state == "running").values(heartbeat_at=now()))


def lose(connection: Connection, digest: str, problem: dict[str, Any]) -> None:
    """Note that the result of jobs that are done cannot be read: what they gave is not known any more."""
    connection.execute(_done_with(digest).values(error=json.dumps(problem)))


def regain(connection: Connection, digest: str) -> None:
    """Note that a result that was lost is there again."""
    connection.execute(_done_with(digest).values(error=None))


def _done_with(digest: str) -> Update:
    return update(jobs).where(jobs.c.result_digest == digest, jobs.c.state == "done")


def _move(connection: Connection, job_id: str, state: JobState, **values: Any) -> None:
    before = [known for known, following in NEXT.items() if state in following]
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job_id, jobs.c.state.in_(before))
        .values(state=state, finished_at=now(), **values)
    )
    if changed.rowcount != 1:
        raise ended_error(connection, job_id, state)
