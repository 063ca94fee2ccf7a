"""Making room: results of jobs that ended long ago, records older still, and what nothing mentions any more.

It may run beside a server. A file is removed only where nothing mentions it and nobody wrote it lately; who
writes a content that is there already makes its file a late one (`Blobs.write`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from bioxen.protocol.jobs import ENDED
from bioxen.server.store.cell_spending import drop_old_spending
from bioxen.server.store.clock import ago
from bioxen.server.store.models import release_ended
from bioxen.server.store.results import all_digests, drop_unused
from bioxen.server.store.store import Store
from bioxen.server.store.tables import jobs, shards
from bioxen.server.store.texts import drop_unused_texts

GRACE = timedelta(hours=1)
"""A file that was written later than this may be about to be mentioned."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What went."""

    jobs: int
    """Records of jobs."""
    emptied: int
    """Jobs that are still listed, but have no result any more."""
    texts: int
    """Documents of cells and texts of models that nothing refers to any more."""
    files: int
    bytes: int


def collect(store: Store, results_days: float, jobs_days: float, grace: timedelta = GRACE) -> Removed:
    """Make room in a store.

    Args:
        store: which may be in use.
        results_days: how long the result of a job is kept after its end, and an array after it was written.
        jobs_days: how long its record is kept after its end.
        grace: how long a file is kept that nothing mentions.
    """
    results_before = ago(timedelta(days=results_days))
    gone = store.write_now(_forget_jobs, ago(timedelta(days=jobs_days)))
    emptied = store.write_now(_empty_jobs, results_before)
    store.write_now(drop_unused, ago(grace), results_before)
    store.write_now(drop_old_spending)
    store.write_now(release_ended)
    texts = store.write_now(drop_unused_texts)
    files, size = _remove_files(store, time.time() - grace.total_seconds())
    return Removed(gone, emptied, texts, files, size)


def _forget_jobs(connection: Connection, before: str) -> int:
    """Forget jobs that ended before then; their parts go with them."""
    return connection.execute(delete(jobs).where(_ended_before(before))).rowcount


def _empty_jobs(connection: Connection, before: str) -> int:
    """Forget what jobs that ended before then have computed, but not that they did."""
    ended = select(jobs.c.job_id).where(_ended_before(before))
    connection.execute(delete(shards).where(shards.c.job_id.in_(ended)))
    changed = connection.execute(
        update(jobs)
        .where(_ended_before(before), jobs.c.result_digest.is_not(None))
        .values(result_digest=None)
    )
    return changed.rowcount


def _ended_before(before: str) -> ColumnElement[bool]:
    return and_(jobs.c.state.in_(ENDED), jobs.c.finished_at < before)


def _remove_files(store: Store, before: float) -> tuple[int, int]:
    files = size = 0
    on_disk = list(store.blobs.digests())  # before the rows are read: what comes later is late anyway
    wanted = store.read_now(all_digests)
    for digest in on_disk:
        if digest not in wanted and (freed := store.blobs.remove_old(digest, before)) is not None:
            files, size = files + 1, size + freed
    store.blobs.remove_asides(before)
    return files, size
