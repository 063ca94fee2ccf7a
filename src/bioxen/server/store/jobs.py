"""The records of jobs. Every change of state names the states it may leave, so none goes backwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from bioxen.errors import JobNotFoundError, JobStateError
from bioxen.protocol.jobs import NEXT, Job, JobPage, JobState
from bioxen.server.store.clock import now
from bioxen.server.store.faults import damaged
from bioxen.server.store.results import record_result
from bioxen.server.store.tables import jobs, shards

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """What a job is made from."""

    job_id: str
    owner_id: str
    process_code: str
    request: str
    """The request as JSON."""
    request_digest: str
    parts_total: int
    priority: int = 50
    deadline: float | None = None
    vm_id: str | None = None
    idempotency_key: str | None = None


Admit = Callable[[Connection, NewJob], None]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that has not ended, without its request, which may be large."""

    job_id: str
    owner_id: str
    priority: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A job to be worked on."""

    job_id: str
    process_code: str
    request: str
    """The request as JSON."""
    request_digest: str
    """Its fingerprint when it was accepted."""
    finished: dict[int, str]
    """Parts that are done already: number → digest of the result."""
    started_at: str
    deadline: float | None
    cancel_asked: bool


def submit(connection: Connection, new: NewJob, admit: Admit | None = None) -> Job:
    """Record a job as queued; the same key from the same owner gives the job that is there.

    `admit` may refuse a job that is not there yet, by raising.

    Raises:
        JobStateError: the key was used for another request.
    """
    if new.idempotency_key is not None:
        row = connection.execute(
            select(jobs).where(jobs.c.owner_id == new.owner_id, jobs.c.idempotency_key == new.idempotency_key)
        ).first()
        if row is not None:
            return _same_request(row, new)
    if admit is not None:
        admit(connection, new)
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
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(jobs).values(values))
    except IntegrityError:  # another server was given the same key just now
        return submit(connection, new, admit)
    return find(connection, new.owner_id, new.job_id)


def find(connection: Connection, owner_id: str, job_id: str) -> Job:
    """Return a job of this owner.

    Raises:
        JobNotFoundError: the owner has none of that id.
    """
    row = connection.execute(select(jobs).where(jobs.c.job_id == job_id, jobs.c.owner_id == owner_id)).first()
    if row is None:
        raise JobNotFoundError(
            f"There is no job {job_id!r}.",
            details={"place": "job_id", "remedy": "GET /jobs lists your jobs."},
        )
    return _job(row)


def page(
    connection: Connection,
    owner_id: str,
    *,
    state: str | None = None,
    after: str | None = None,
    limit: int = PAGE,
) -> JobPage:
    """Return an owner's jobs, the newest first, from the one after `after` on."""
    query = select(jobs).where(jobs.c.owner_id == owner_id)
    if state is not None:
        query = query.where(jobs.c.state == state)
    if after is not None:
        last = find(connection, owner_id, after)
        query = query.where(
            or_(
                jobs.c.created_at < last.created_at,
                and_(jobs.c.created_at == last.created_at, jobs.c.job_id < after),
            )
        )
    rows = connection.execute(
        query.order_by(jobs.c.created_at.desc(), jobs.c.job_id.desc()).limit(limit + 1)
    ).all()
    found = [_job(row) for row in rows[:limit]]
    return JobPage(jobs=found, next=found[-1].job_id if len(rows) > limit else None)


def waiting(connection: Connection) -> list[Waiting]:
    """Return every job that has not ended, the oldest first: what a server that starts has to do."""
    rows = connection.execute(
        select(jobs.c.job_id, jobs.c.owner_id, jobs.c.priority)
        .where(jobs.c.state.in_(("queued", "running")))
        .order_by(jobs.c.created_at, jobs.c.job_id)
    )
    return [Waiting(row.job_id, row.owner_id, row.priority) for row in rows]


def state_counts(connection: Connection) -> dict[str, int]:
    """Return how many jobs are in each state."""
    rows = connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
    counts = {row[0]: row[1] for row in rows}
    return {state: counts.get(state, 0) for state in NEXT}


def begin(connection: Connection, job_id: str) -> Begun:
    """Mark a job as running, for the first time or again, and return what is to be done.

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
        raise _ended(connection, job_id, "running")
    row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).one()
    finished = connection.execute(
        select(shards.c.number, shards.c.result_digest).where(shards.c.job_id == job_id)
    )
    return Begun(
        job_id=job_id,
        process_code=row.process_code,
        request=row.request,
        request_digest=row.request_digest,
        finished={shard.number: shard.result_digest for shard in finished},
        started_at=row.started_at,
        deadline=row.deadline,
        cancel_asked=row.cancel_asked,
    )


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
) -> int:
    """Record a finished part, whose content is kept already; return how many are finished.

    Raises:
        JobStateError: the job has ended, by a cancel say.
    """
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
        raise _ended(connection, job_id, "running")
    row = connection.execute(select(jobs.c.parts_done).where(jobs.c.job_id == job_id)).one()
    return int(row.parts_done)


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


def beat(connection: Connection, job_ids: Iterable[str]) -> None:
    """Note that these jobs are still being worked on."""
    connection.execute(update(jobs).where(jobs.c.job_id.in_(list(job_ids))).values(heartbeat_at=now()))


def _move(connection: Connection, job_id: str, state: JobState, **values: Any) -> None:
    before = [known for known, following in NEXT.items() if state in following]
    changed = connection.execute(
        update(jobs)
        .where(jobs.c.job_id == job_id, jobs.c.state.in_(before))
        .values(state=state, finished_at=now(), **values)
    )
    if changed.rowcount != 1:
        raise _ended(connection, job_id, state)


def _ended(connection: Connection, job_id: str, wanted: str) -> JobStateError:
    state = connection.execute(select(jobs.c.state).where(jobs.c.job_id == job_id)).scalar()
    return JobStateError(
        f"The job {job_id} is {state}; it cannot become {wanted}.",
        details={"place": "job_id", "state": state, "remedy": "Submit the request again as a new job."},
    )


def _same_request(row: Row[Any], new: NewJob) -> Job:
    if row.request_digest != new.request_digest:
        raise JobStateError(
            f"The Idempotency-Key {new.idempotency_key!r} was used for another request.",
            details={"place": "Idempotency-Key", "job_id": row.job_id, "remedy": "Use a new key."},
        )
    return _job(row)


def _job(row: Row[Any]) -> Job:
    fields = row._mapping
    known = {name: fields[name] for name in Job.model_fields if name != "error"}
    try:
        return Job(**known, error=json.loads(row.error) if row.error else None)
    except ValueError as error:  # every row was written from such a `Job`
        raise damaged(f"the record of the job {row.job_id} is none") from error
