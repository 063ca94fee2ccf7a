"""Jobs on the wire: work that outlives the connection, and the server, that accepted it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from bioxen.protocol.base import MappingMessage, Message
from bioxen.protocol.services import TaskProgress
from bioxen.protocol.units import Seconds

JobState = Literal["queued", "running", "done", "failed", "cancelled", "unknown"]
"""States only move forward. `unknown` is where the server cannot tell: it fell silent on a job that ran, for
which it may still find an end; or the result of a job that was done cannot be read, and `error` says why."""
Priority = Annotated[int, Field(ge=0, le=100)]

NEXT: dict[JobState, frozenset[JobState]] = {
    "queued": frozenset({"running", "cancelled", "failed"}),
    "running": frozenset({"done", "failed", "cancelled"}),
    "done": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
"""What may follow each stored state. `unknown` is seen, never stored."""
ENDED: frozenset[JobState] = frozenset(state for state, following in NEXT.items() if not following)


JobDeadline = Annotated[float, Field(ge=0.001, le=30 * 86_400, json_schema_extra={"x-unit": "s"})]


class Estimate(Message):
    """What a job is expected to take, said before it starts."""

    seconds: Seconds
    """Computing time of all its parts together, s; on several workers the job is done sooner."""
    memory_bytes: int = Field(json_schema_extra={"x-unit": "B"})
    """The most that one worker needs for a part of it, or this server for the whole of its result; it follows
    from the sizes of model and request."""
    basis: Literal["measured", "assumed"]
    """Where the seconds come from: `measured` on such requests on this server since it began; `assumed` where
    it has seen none, which gives no more than the order of magnitude."""


class PartProgress(TaskProgress):
    """How far a part of a job is that is being computed."""

    part: int
    """Its number."""


class Job(MappingMessage):
    """What is known of a job."""

    job_id: str
    process_code: str
    vm_id: str | None
    state: JobState
    cancel_asked: bool
    priority: Priority
    """0 (last) to 100 (first), among the jobs of one owner."""
    deadline: JobDeadline | None
    """The longest it may run from its start, s; a job that is resumed goes on where it was."""
    parts_done: int
    parts_total: int
    """1 for a process that is not cut into parts."""
    under_way: list[PartProgress] = Field(default_factory=list)
    """How far the parts are that are being computed, where their analyses tell; empty in lists."""
    attempts: int
    """How many times a server began it: more than once after a crash."""
    seconds: Seconds
    """Time its finished parts took to compute, s, measured."""
    estimate: Estimate | None = None
    """What it was expected to take; null in lists, where its model was not known, and for a job that had
    ended before this server started."""
    request_digest: str
    """sha256 of the request's canonical JSON."""
    result_digest: str | None
    """sha256 of the result's bytes, once done."""
    error: dict[str, Any] | None
    """The problem body of what ended it, for `failed`; of why its result is lost, for `unknown`."""
    created_at: str
    """ISO 8601, UTC."""
    started_at: str | None
    finished_at: str | None

    @property
    def fraction(self) -> float:
        """How much of it is done, from 0 to 1: finished parts, and what the others have told."""
        return (self.parts_done + sum(part.fraction for part in self.under_way)) / max(self.parts_total, 1)

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.finished_at is not None


class JobPage(Message):
    """Some of the jobs, the newest first."""

    jobs: list[Job]
    next: str | None
    """Give it as `after` to get what follows; null at the end."""


class JobProgress(Message):
    """One event of `GET /jobs/{job_id}/events`: something happened to the job."""

    job: Job
    finished: list[int]
    """Parts that are finished and were not told before, by number."""
