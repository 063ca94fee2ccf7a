"""Reading jobs: one, a page of an owner's, all that have not ended, how many there are."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select

from bioxen.errors import JobNotFoundError, JobStateError
from bioxen.protocol.jobs import NEXT, Job, JobPage
from bioxen.server.store.clock import ago
from bioxen.server.store.faults import damaged
from bioxen.server.store.jobs.records import Waiting
from bioxen.server.store.tables import cells, jobs

PAGE = 100
SILENT = timedelta(seconds=60)
"""A running job of which its server has said nothing for so long is `unknown`."""

NO_COLUMNS = frozenset({"state", "error", "estimate", "under_way"})
"""Fields of a job that are not what a column of it holds, or that the store does not know."""


def known(connection: Connection, owner_id: str, key: str | None, digest: str) -> Job | None:
    """Return the job that this owner submitted under this key; `None` where there is none.

    `digest` is the fingerprint of what is asked now.

    Raises:
        JobStateError: the key was used for another request.
    """
    if key is None:
        return None
    query = _seen().where(jobs.c.owner_id == owner_id, jobs.c.idempotency_key == key)
    row = connection.execute(query).first()
    if row is not None and (row.asked_digest or row.request_digest) != digest:
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
    alive = cells.c.destroyed_at.is_(None)
    rows = connection.execute(
        select(
            jobs.c.job_id,
            jobs.c.owner_id,
            jobs.c.priority,
            jobs.c.vm_id,
            jobs.c.advances,
            cells.c.quotas,
            (jobs.c.state == "running").label("begun"),
        )
        .outerjoin(cells, and_(*(cells.c[name] == jobs.c[name] for name in ("owner_id", "vm_id")), alive))
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


def ended_error(connection: Connection, job_id: str, wanted: str) -> JobStateError:
    """Return the error for a job that cannot become `wanted`, because of the state it is in."""
    state = connection.execute(select(jobs.c.state).where(jobs.c.job_id == job_id)).scalar()
    return JobStateError(
        f"The job {job_id} is {state}; it cannot become {wanted}.",
        details={"place": "job_id", "state": state, "remedy": "Submit the request again as a new job."},
    )


def _state() -> ColumnElement[str]:
    """Return the state as it is told: one that cannot be known is `unknown`, which is stored nowhere."""
    silent = and_(jobs.c.state == "running", jobs.c.heartbeat_at < ago(SILENT))
    lost = and_(jobs.c.state == "done", jobs.c.result_digest.is_not(None), jobs.c.error.is_not(None))
    return case((or_(silent, lost), "unknown"), else_=jobs.c.state)


def _seen() -> Select[Any]:
    return select(jobs, _state().label("seen"))


def _job(row: Row[Any]) -> Job:
    fields = row._mapping
    known = {name: fields[name] for name in Job.model_fields if name not in NO_COLUMNS}
    try:
        return Job(**known, state=row.seen, error=json.loads(row.error) if row.error else None)
    except ValueError as error:  # every row was written from such a `Job`
        raise damaged(f"the record of the job {row.job_id} is none") from error
