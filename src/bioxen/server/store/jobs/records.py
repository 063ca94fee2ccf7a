"""What a job is made from, and what a server reads of it to work on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from bioxen.protocol.jobs import Estimate
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.models import KeptModel


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
    advances: bool | None = None
    """Whether it moves its cell on; null where it is no cell's process."""
    cells: Sequence[CellRecord] = ()
    """The cells it computes for."""
    model: KeptModel | None = None
    """The owner's own model that it is about."""
    asked_digest: str | None = None
    """Fingerprint of what was asked, where the request was made from that and from cells."""

    @property
    def quotas(self) -> str | None:
        """The own quotas of the cell that it is a process of."""
        return None if self.advances is None else self.cells[0].quotas


Admit = Callable[[Connection, NewJob], Sequence[int]]
"""Lets a job in, or raises; returns the numbers of the cells whose quotas it counts for."""
Resolve = Callable[[Connection, str, str], str]
"""From the owner and the request of a job that begins to the request that is to be computed."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that has not ended, without its request, which may be large."""

    job_id: str
    owner_id: str
    priority: int
    vm_id: str | None
    advances: bool | None
    """Whether it moves its cell on; null where it is no cell's process."""
    quotas: str | None
    """The own quotas of its cell."""
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
    parts_total: int
    """How many parts it was cut into then."""
    finished: dict[int, str]
    """Parts that are done already: number → digest of the result."""
    started_at: str
    deadline: float | None
    cancel_asked: bool
    attempts: int
    """How often it was begun, with this time."""
    model: KeptModel | None = None
    """The owner's own model that it is about."""
