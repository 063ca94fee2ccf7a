"""What owners may have and what they have; the gate that a new job must pass."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, select, union, update

from bioxen.protocol.base import parse
from bioxen.protocol.quotas import Quotas, Usage
from bioxen.server.store import models
from bioxen.server.store.cell_quotas import CellGate
from bioxen.server.store.clock import ago
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.owners import add_owner
from bioxen.server.store.refusals import Holder
from bioxen.server.store.tables import jobs, owners, results, shards
from bioxen.server.store.window import WINDOW, until_older

REMEMBERED = 5.0
"""Seconds for which the sums over an owner's results are good enough: to add them up takes a while."""


def quotas_of(connection: Connection, owner: str, defaults: Quotas) -> Quotas:
    """Return what an owner may have: what the store says of it, else the server's own."""
    return parse(Quotas, defaults.model_dump() | overrides_of(connection, owner))


def overrides_of(connection: Connection, owner: str) -> dict[str, Any]:
    """Return what the store says of an owner's quotas alone."""
    text = connection.execute(select(owners.c.quotas).where(owners.c.owner_id == owner)).scalar()
    return dict(json.loads(text)) if text else {}


def set_quotas(connection: Connection, owner: str, changes: Mapping[str, Any], drop: bool = False) -> None:
    """Change an owner's quotas, noted where unknown; `drop` forgets the earlier ones.

    Raises:
        ValidationError: there is no such quota, or it cannot have that value.
    """
    add_owner(connection, owner)
    kept = {} if drop else overrides_of(connection, owner)
    merged = kept | dict(changes)
    parse(Quotas, merged)
    connection.execute(update(owners).where(owners.c.owner_id == owner).values(quotas=json.dumps(merged)))


def check_room(connection: Connection, owner: str, defaults: Quotas, size: int) -> None:
    """Return where an owner may store so many bytes more.

    Raises:
        ResourceExhaustionError: the owner may not.
    """
    limit = quotas_of(connection, owner, defaults).stored_bytes
    if limit is not None:
        Holder("owner", owner).check_bytes(limit, _stored_bytes(connection, owner), size)


def usage_of(connection: Connection, owner: str) -> Usage:
    """Return what an owner has."""
    counts = _counts(connection, owner)
    return Usage(
        running_jobs=counts.get("running", 0),
        queued_jobs=sum(counts.values()),
        stored_bytes=_stored_bytes(connection, owner),
        cpu_seconds=_cpu_seconds(connection, owner)[0],
    )


class Gate:
    """Lets a new job in, or says which quota of its owner or a cell is used up. For the thread that writes.

    Args:
        defaults: the server's own quotas.
        cells: looks at the quotas of cells.
    """

    def __init__(self, defaults: Quotas, cells: CellGate | None = None) -> None:
        self._defaults, self._cells = defaults, cells
        self._sums: dict[str, tuple[float, int, float, float]] = {}
        """Owner → (when, bytes stored, seconds computed, seconds until some of those are a day old)."""

    def admit(self, connection: Connection, new: NewJob) -> list[int]:
        """Return the cells that a new job counts for, where its owner and its cells may have one more.

        Raises:
            OverloadError: one of them has as many as it may.
            ResourceExhaustionError: its space or its computing time is used up.
        """
        quotas, owner = quotas_of(connection, new.owner_id, self._defaults), new.owner_id
        holder = Holder("owner", owner)
        holder.check_queue(quotas.queued_jobs, sum(_counts(connection, owner).values()))
        stored, computed, wait = self._sums_of(connection, owner)
        holder.check_bytes(quotas.stored_bytes, stored)
        holder.check_seconds(quotas.cpu_seconds, computed, wait)
        holder.check_estimate(quotas.cpu_seconds, computed, new.estimate)
        return [] if self._cells is None else self._cells.admit(connection, new)

    def _sums_of(self, connection: Connection, owner: str) -> tuple[int, float, float]:
        known, moment = self._sums.get(owner), time.monotonic()
        if known is None or moment - known[0] > REMEMBERED:
            known = (moment, _stored_bytes(connection, owner), *_cpu_seconds(connection, owner))
            self._sums[owner] = known
        return known[1:]


def _counts(connection: Connection, owner: str) -> dict[str, int]:
    """Return the number of jobs by state, of those that have not ended."""
    rows = connection.execute(
        select(jobs.c.state, func.count())
        .where(jobs.c.owner_id == owner, jobs.c.state.in_(("queued", "running")))
        .group_by(jobs.c.state)
    )
    return {row[0]: row[1] for row in rows}


def _stored_bytes(connection: Connection, owner: str) -> int:
    whole = select(jobs.c.result_digest).where(jobs.c.owner_id == owner, jobs.c.result_digest.is_not(None))
    parts = select(shards.c.result_digest).join(jobs).where(jobs.c.owner_id == owner)
    total = connection.execute(
        select(func.coalesce(func.sum(results.c.size), 0)).where(results.c.digest.in_(union(whole, parts)))
    )
    return int(total.scalar_one()) + models.stored_bytes(connection, owner)


def _cpu_seconds(connection: Connection, owner: str) -> tuple[float, float]:
    """Return the seconds computed in the last 24 h, and how long until the first of them are older."""
    seconds, first = connection.execute(
        select(func.coalesce(func.sum(shards.c.seconds), 0.0), func.min(shards.c.finished_at))
        .join(jobs)
        .where(jobs.c.owner_id == owner, shards.c.finished_at > ago(WINDOW))
    ).one()
    return float(seconds), until_older(first)
