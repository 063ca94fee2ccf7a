"""What a job is made from, and what a server reads of it to work on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from bioxen.protocol.jobs import Estimate


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
    attempts: int
    """How often it was begun, with this time."""
