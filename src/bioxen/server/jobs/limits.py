"""How many jobs of each owner, and of each cell, may be in work at once."""

from __future__ import annotations

import time
from collections.abc import Mapping

from bioxen.protocol.quotas import Quotas
from bioxen.server.jobs.turns import Turn
from bioxen.server.store.cell_quotas import CellGate
from bioxen.server.store.jobs import NewJob, Waiting
from bioxen.server.store.quotas import quotas_of
from bioxen.server.store.store import Store

REMEMBERED = 5.0
"""Seconds until a changed quota counts."""


def turn_of(job: NewJob | Waiting, cells: CellGate) -> Turn | None:
    """Return what a job waits for; null where it is no cell's process."""
    if job.advances is None or job.vm_id is None:
        return None
    return Turn(job.vm_id, job.advances, cells.quotas(job.quotas).running_jobs)


class Limits:
    """The quota `running_jobs` of owners.

    Args:
        store: where an owner may have quotas of its own.
        defaults: the server's.
    """

    def __init__(self, store: Store, defaults: Quotas) -> None:
        self._store, self._defaults = store, defaults
        self._known: dict[str, tuple[float, int | None]] = {}

    async def reached(self, running: Mapping[str, int]) -> set[str]:
        """Return the owners that have as many jobs in work as they may, given how many they have."""
        full = set()
        for owner, count in running.items():
            limit = await self._limit(owner)
            if limit is not None and count >= limit:
                full.add(owner)
        return full

    async def _limit(self, owner: str) -> int | None:
        known, moment = self._known.get(owner), time.monotonic()
        if known is None or moment - known[0] > REMEMBERED:
            quotas = await self._store.read(quotas_of, owner, self._defaults)
            self._known[owner] = known = (moment, quotas.running_jobs)
        return known[1]
