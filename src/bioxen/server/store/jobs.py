"""The records of jobs. Every change of state names the states it may leave, so none goes backwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Update,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from bioxen.errors import JobNotFoundError, JobStateError
from bioxen.protocol.jobs import NEXT, Estimate, Job, JobPage, JobState
from bioxen.server.store.clock import now
from bioxen.server.store.faults import damaged
from bioxen.server.store.results import record_result
from bioxen.server.store.tables import jobs, shards

PAGE = 100
BEGINNING = 32
"""Characters of a request that tell what kind it is."""


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
    estimate: Estimate | None = None
    """What it is expected to take; it is not stored."""


SILENT = timedelta(seconds=60)
"""A running job of which its server has said nothing for so long is `unknown`."""
Admit = Callable[[Connection, NewJob], None]
Resolve = Callable[[Connection, str, str], str]
"""From the owner and the request of a job that begins to the request that is to be computed."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that has not ended, without its request, which may be large."""

    job_id: str
    owner_id: str
    priority: int
    vm_id: str | None
    beginning: str
    """How its request begins; it tells a cell's process."""
    begun: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """A job to be worked on."""

    job_id: str
    process_code: str
    priority: int
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
    there = known(connection, new.owner_id, new.idempotency_key, new.request_digest)
    if there is not None:
        return there
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


def known(connection: Connection, owner_id: str, key: str | None, request_digest: str) -> Job | None:
    """Return the job that this owner submitted under this key; `None` where there is none.

    Raises:
        JobStateError: the key was used for another request.
    """
    if key is None:
        return None
    query = _seen().where(jobs.c.owner_id == owner_id, jobs.c.idempotency_key == key)
    row = connection.execute(query).first()
    if row is not None and row.request_digest != request_digest:
        raise JobStateError(
            f"The Idempotency-Key {key!r} was used for another request.",
            details={"place": "Idempotency-Key", "job_id": row.job_id, "remedy": "Use a new key."},
        )
    return None if row is None else _job(row)


def find(connection: Connection, owner_id: str, job_id: str) -> Job:
    """Return a job of this owner.

    Raises:
        JobNotFoundError: the owner has none of that id.
    """
    row = connection.execute(_seen().where(jobs.c.job_id == job_id, jobs.c.owner_id == owner_id)).first()
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
    query = _seen().where(jobs.c.owner_id == owner_id)
    if state is not None:
        query = query.where(_state() == state)
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
        select(
            jobs.c.job_id,
            jobs.c.owner_id,
            jobs.c.priority,
            jobs.c.vm_id,
            func.substr(jobs.c.request, 1, BEGINNING).label("beginning"),
            (jobs.c.state == "running").label("begun"),
        )
        .where(jobs.c.state.in_(("queued", "running")))
        .order_by(jobs.c.created_at, jobs.c.job_id)
    )
    return [Waiting(**row._mapping) for row in rows]


def state_counts(connection: Connection) -> dict[str, int]:
    """Return how many jobs are in each state."""
    seen = select(_state().label("seen")).subquery()
    rows = connection.execute(select(seen.c.seen, func.count()).group_by(seen.c.seen))
    counts = {row[0]: row[1] for row in rows}
    return {state: counts.get(state, 0) for state in (*NEXT, "unknown")}


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
        raise _ended(connection, job_id, "running")
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

    One that is recorded already stays: where a connection broke, nobody knows whether the first time counted.

    Raises:
        JobStateError: the job has ended, by a cancel say.
    """
    there = select(shards.c.number).where(shards.c.job_id == job_id, shards.c.number == number)
    if connection.execute(there).first() is not None:
        return int(connection.execute(select(jobs.c.parts_done).where(jobs.c.job_id == job_id)).scalar_one())
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


def forget_shards(connection: Connection, job_id: str, numbers: Sequence[int]) -> None:
    """Forget finished parts whose results are lost: they have to be computed again."""
    gone = connection.execute(
        delete(shards).where(shards.c.job_id == job_id, shards.c.number.in_(list(numbers)))
    )
    connection.execute(
        update(jobs).where(jobs.c.job_id == job_id).values(parts_done=jobs.c.parts_done - gone.rowcount)
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


def _state() -> ColumnElement[str]:
    """Return the state as it is told: one that cannot be known is `unknown`, which is stored nowhere."""
    since = (datetime.now(UTC) - SILENT).isoformat(timespec="microseconds")
    silent = and_(jobs.c.state == "running", jobs.c.heartbeat_at < since)
    lost = and_(jobs.c.state == "done", jobs.c.result_digest.is_not(None), jobs.c.error.is_not(None))
    return case((or_(silent, lost), "unknown"), else_=jobs.c.state)


def _seen() -> Select[Any]:
    return select(jobs, _state().label("seen"))


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


def _job(row: Row[Any]) -> Job:
    fields = row._mapping
    known = {name: fields[name] for name in Job.model_fields if name not in ("state", "error", "estimate")}
    try:
        return Job(**known, state=row.seen, error=json.loads(row.error) if row.error else None)
    except ValueError as error:  # every row was written from such a `Job`
        raise damaged(f"the record of the job {row.job_id} is none") from error
