"""What an owner may have of a server, and what it has."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bioxen.protocol.base import Message

GIB = 1 << 30
Count = Annotated[int, Field(ge=1)]
Bytes = Annotated[int, Field(ge=0, json_schema_extra={"x-unit": "B"})]
CpuSeconds = Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "s"})]


class Quotas(Message):
    """What an owner may have; null: as much as there is."""

    running_jobs: Count | None = 64
    """Jobs in work at once; further ones wait."""
    queued_jobs: Count | None = 10_000
    """Jobs that have not ended; one more is refused."""
    stored_bytes: Bytes | None = 20 * GIB
    """Bytes of results, each counted once; where they are used up, new jobs are refused."""
    cpu_seconds: CpuSeconds | None = None
    """Computing time of jobs in the last 24 h, s; where it is used up, new jobs are refused."""


class Usage(Message):
    """What an owner has, in the same units."""

    running_jobs: int
    queued_jobs: int
    """Jobs that have not ended, those in work among them."""
    stored_bytes: int
    cpu_seconds: float


class OwnerReport(Message):
    """The answer of `GET /owner`."""

    owner: str
    scopes: list[str]
    """What the token that asked may do."""
    quotas: Quotas
    usage: Usage
