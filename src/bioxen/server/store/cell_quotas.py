"""What kept cells may have: the gate that their jobs and processes must pass.

A cell without quotas costs nothing here: no statement is sent for it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection

from bioxen.protocol.base import parse
from bioxen.protocol.quotas import CellQuotas
from bioxen.server.store.cell_usage import Sums, jobs_of, sums_of
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.clock import now
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.refusals import Holder
from bioxen.server.store.window import until_older

REMEMBERED = 5.0
"""Seconds for which the sums over what a cell used are good enough: to add them up takes a while."""
MOST_REMEMBERED = 10_000


def own_quotas(given: CellQuotas | None) -> str | None:
    """Return what a cell's record keeps of its quotas: those that were named."""
    named = {} if given is None else given.model_dump(exclude_unset=True)
    return json.dumps(named, sort_keys=True) if named else None


@lru_cache(4096)
def effective(own: str | None, defaults: CellQuotas) -> CellQuotas:
    """Return what holds for a cell: its own quotas, else the server's."""
    return defaults if own is None else parse(CellQuotas, defaults.model_dump() | json.loads(own))


class CellGate:
    """Lets processes of cells in, or says which quota of which cell is used up.

    Args:
        defaults: what every cell may have, where its record says nothing else.
    """

    def __init__(self, defaults: CellQuotas | None = None) -> None:
        self._defaults = defaults or CellQuotas()
        self._sums: dict[tuple[int, str], tuple[float, Sums]] = {}
        """Cell → (when, what it had used)."""

    def quotas(self, own: str | None) -> CellQuotas:
        """Return what holds for a cell with these quotas of its own."""
        return effective(own, self._defaults)

    def admit(self, connection: Connection, new: NewJob) -> list[int]:
        """Return the cells that a new job counts for; of several only those with something to count.

        Raises:
            OverloadError: one of them has as many jobs as it may.
            ResourceExhaustionError: the space or the computing time of one is used up.
        """
        every = self._defaults.counted
        apart = [record for record in new.cells if every or record.quotas is not None]  # of 100,000, say
        counted = {record.cell_id: record for record in apart if self.quotas(record.quotas).counted}
        if counted:
            self._admit_each(connection, new, list(counted.values()))
        return [record.cell_id for record in new.cells] if len(new.cells) == 1 else list(counted)

    def check(self, connection: Connection, record: CellRecord) -> None:
        """Return where a cell may run a process now.

        Raises:
            ResourceExhaustionError: its space or its computing time is used up.
        """
        if self.quotas(record.quotas).counted:
            self._check_sums(record, self._sums_of(connection, [record])[record.cell_id])

    def check_room(self, connection: Connection, record: CellRecord) -> None:
        """Return where a cell may store something more.

        Raises:
            ResourceExhaustionError: its space is used up.
        """
        limit = self.quotas(record.quotas).stored_bytes
        if limit is not None:
            stored = self._sums_of(connection, [record])[record.cell_id].stored
            Holder("cell", record.vm_id).check_bytes(limit, stored)

    def computed(self, record: CellRecord, seconds: float) -> None:
        """Take in computing time that was noted, so that the next process knows of it at once."""
        known = self._sums.get(_key(record))
        if known is not None:
            known[1].compute(seconds, now())

    def stored(self, record: CellRecord) -> None:
        """Take in that a cell stores something more, so that it is added up anew at the next look."""
        self._sums.pop(_key(record), None)

    def _admit_each(self, connection: Connection, new: NewJob, records: Sequence[CellRecord]) -> None:
        limited = [record.cell_id for record in records if self.quotas(record.quotas).queued_jobs]
        waiting = jobs_of(connection, limited)
        sums = self._sums_of(connection, records)
        for record in records:
            quotas, holder, mine = self.quotas(record.quotas), _holder(record), sums[record.cell_id]
            holder.check_queue(quotas.queued_jobs, sum(waiting.get(record.cell_id, {}).values()))
            self._check_sums(record, mine)
            holder.check_estimate(quotas.cpu_seconds, mine.computed, new.estimate, 1.0 / len(new.cells))

    def _check_sums(self, record: CellRecord, mine: Sums) -> None:
        quotas, holder = self.quotas(record.quotas), _holder(record)
        holder.check_bytes(quotas.stored_bytes, mine.stored)
        holder.check_seconds(quotas.cpu_seconds, mine.computed, until_older(mine.first))

    def _sums_of(self, connection: Connection, records: Sequence[CellRecord]) -> dict[int, Sums]:
        moment = time.monotonic()
        sums = {
            record.cell_id: known[1]
            for record in records
            if (known := self._sums.get(_key(record))) is not None and moment - known[0] <= REMEMBERED
        }
        missing = {record.cell_id: record for record in records if record.cell_id not in sums}
        added = sums_of(connection, missing)
        if len(self._sums) + len(added) > MOST_REMEMBERED:
            self._sums.clear()
        if len(added) <= MOST_REMEMBERED:
            self._sums |= {_key(missing[cell_id]): (moment, mine) for cell_id, mine in added.items()}
        return sums | added


def _key(record: CellRecord) -> tuple[int, str]:
    """Return what tells a cell from all others; a database may give the number of one that is gone again."""
    return record.cell_id, record.created_at


def _holder(record: CellRecord) -> Holder:
    return Holder("cell", record.vm_id)
