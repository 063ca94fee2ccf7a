"""What kept cells use, added up for those cells of whom it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, union

from bioxen.protocol.quotas import Usage
from bioxen.server.store.clock import ago
from bioxen.server.store.history import DOCUMENTS
from bioxen.server.store.tables import (
    cells,
    history,
    job_cells,
    jobs,
    results,
    shards,
    snapshots,
    spent,
    texts,
)
from bioxen.server.store.texts import chunks
from bioxen.server.store.window import WINDOW


@dataclass(slots=True)
class Sums:
    """What one cell has used."""

    stored: float = 0.0
    """Bytes."""
    computed: float = 0.0
    """Seconds of computing in the last 24 h."""
    first: str | None = None
    """When the first of them were computed."""

    def compute(self, seconds: float, first: str) -> None:
        """Add computing time."""
        self.computed += seconds
        self.first = first if self.first is None else min(self.first, first)


def sums_of(connection: Connection, cell_ids: Iterable[int]) -> dict[int, Sums]:
    """Return what each of these cells has used."""
    sums: dict[int, Sums] = {}
    for some in chunks(cell_ids):
        sums |= {cell_id: Sums() for cell_id in some}
        for row in connection.execute(_bytes_of_results(some)):
            sums[row.cell_id].stored += float(row.size)
        for row in connection.execute(_bytes_of_documents(some)):
            sums[row.cell_id].stored += float(row.size)
        since = ago(WINDOW)
        for query in (_seconds_of_jobs(some, since), _seconds_of_processes(some, since)):
            for row in connection.execute(query):
                sums[row.cell_id].compute(float(row.seconds), row.first)
    return sums


def jobs_of(connection: Connection, cell_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """Return cell → state → jobs, of those that have not ended."""
    counts: dict[int, dict[str, int]] = {}
    for some in chunks(cell_ids):
        rows = connection.execute(
            select(job_cells.c.cell_id, jobs.c.state, func.count())
            .join(jobs)
            .where(job_cells.c.cell_id.in_(some), jobs.c.state.in_(("queued", "running")))
            .group_by(job_cells.c.cell_id, jobs.c.state)
        )
        for cell_id, state, number in rows:
            counts.setdefault(cell_id, {})[state] = number
    return counts


def usage_of_cell(connection: Connection, cell_id: int) -> Usage:
    """Return what a cell has."""
    sums = sums_of(connection, [cell_id])[cell_id]
    counts = jobs_of(connection, [cell_id]).get(cell_id, {})
    return Usage(
        running_jobs=counts.get("running", 0),
        queued_jobs=sum(counts.values()),
        stored_bytes=round(sums.stored),
        cpu_seconds=sums.computed,
    )


def _bytes_of_results(some: Sequence[int]) -> Any:
    """Each content counts once, as a whole result or as a part; of a population's, the cell's share."""
    own = select(job_cells.c.cell_id, job_cells.c.share, jobs.c.result_digest.label("digest")).join(jobs)
    parts = select(job_cells.c.cell_id, job_cells.c.share, shards.c.result_digest.label("digest")).join(
        shards, shards.c.job_id == job_cells.c.job_id
    )
    mine = job_cells.c.cell_id.in_(some)
    kept = union(own.where(mine, jobs.c.result_digest.is_not(None)), parts.where(mine)).subquery()
    return (
        select(kept.c.cell_id, func.sum(results.c.size * kept.c.share).label("size"))
        .join(results, results.c.digest == kept.c.digest)
        .group_by(kept.c.cell_id)
    )


def _bytes_of_documents(some: Sequence[int]) -> Any:
    """Each document of a cell counts once, also where other cells have the same; the image is its kind's."""
    of_each = {
        cells: (cells.c.delta, cells.c.living, cells.c.changes),
        snapshots: (snapshots.c.delta, snapshots.c.living),
        history: tuple(history.c[name] for name in DOCUMENTS),
    }
    mentioned = union(
        *(
            select(table.c.cell_id, column.label("text_id")).where(table.c.cell_id.in_(some))
            for table, columns in of_each.items()
            for column in columns
        )
    ).subquery()
    return (
        select(mentioned.c.cell_id, func.sum(func.length(texts.c.text)).label("size"))
        .join(texts, texts.c.text_id == mentioned.c.text_id)
        .group_by(mentioned.c.cell_id)
    )


def _seconds_of_jobs(some: Sequence[int], since: str) -> Any:
    return (
        select(
            job_cells.c.cell_id,
            func.sum(shards.c.seconds * job_cells.c.share).label("seconds"),
            func.min(shards.c.finished_at).label("first"),
        )
        .join(shards, shards.c.job_id == job_cells.c.job_id)
        .where(job_cells.c.cell_id.in_(some), shards.c.finished_at > since)
        .group_by(job_cells.c.cell_id)
    )


def _seconds_of_processes(some: Sequence[int], since: str) -> Any:
    return (
        select(
            spent.c.cell_id,
            func.sum(spent.c.seconds).label("seconds"),
            func.min(spent.c.since).label("first"),
        )
        .where(spent.c.cell_id.in_(some), spent.c.since > since)
        .group_by(spent.c.cell_id)
    )
