"""What an owner, and each of its cells, may have of a server, and what they have."""

from __future__ import annotations

from typing import Annotated, Literal

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


class CellQuotas(Message):
    """What a kept cell may have of what its owner has; null: as much as the owner.

    Where a cell is given quotas, those that are not named stay the server's own for every cell.
    """

    running_jobs: Count | None = 1
    """Its jobs in work at once, as long as none of them advances the cell; further ones wait."""
    queued_jobs: Count | None = None
    """Its jobs that have not ended; one more is refused."""
    stored_bytes: Bytes | None = None
    """Bytes of its jobs' results and of its own documents (edits, living state, snapshots, history)."""
    cpu_seconds: CpuSeconds | None = None
    """Computing time of its jobs and processes in the last 24 h, s."""

    @property
    def counted(self) -> bool:
        """Whether something of the cell has to be looked at before it computes more."""
        return not (self.queued_jobs is None and self.stored_bytes is None and self.cpu_seconds is None)


QuotaName = Literal["running_jobs", "queued_jobs", "stored_bytes", "cpu_seconds"]


class Usage(Message):
    """What an owner or a cell has, in the same units."""

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
