"""What a worker pool is: it takes tasks and gives back encoded results, whatever happens to its workers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from bioxen.protocol.services import EngineInfo, TaskProgress, WorkerHealth
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.workers import hearing, tracing, urgency


@dataclass(frozen=True, slots=True)
class Task:
    """One request for one engine."""

    engine: str
    """Name of the engine: its `bioxen.engines` entry point."""
    payload: bytes
    """The request as JSON, without the model's text."""
    digest: str | None = None
    """sha256 of the model the request is about: the key for affinity; null for an engine without models."""
    source: ModelSource | None = None
    """The model itself where it came with the request; null where the worker finds it in the repository."""
    deadline: float = 60.0
    """Seconds until the computation is stopped, the wait in the queue not counted."""
    measure: bool = False
    """Whether the engine is to measure its ways on the program (`MeasuringEngine`), in place of computing."""
    pure: bool = True
    """Whether it may be tried again after its worker died."""
    request_id: str = field(default_factory=tracing.current)
    """The request it belongs to, for the log."""
    background: bool = field(default_factory=urgency.is_background)
    """Whether tasks that somebody waits for go first."""
    heard: hearing.Hear | None = field(default_factory=hearing.current)
    """Is told how far it is."""

    @property
    def closely(self) -> bool:
        """Whether telling how far it is may cost it a little time: where it is part of a job.

        Parts are background work, also in the replica that an orchestrator gave one to.
        """
        return self.background or self.heard is not None


@dataclass(frozen=True, slots=True)
class Solved:
    """An answer to a task."""

    result: bytes
    """JSON."""
    exact: bool = False
    """Whether the same task always gives it."""
    seconds: float = 0.0
    """How long a worker was busy with it, s; the wait in the queue is not counted."""


class WorkerPool(Protocol):
    """A set of workers behind one bounded queue."""

    engines: tuple[EngineInfo, ...]
    """The engines with their versions, known once the pool has started."""

    async def start(self) -> None:
        """Start the workers; return when all of them are ready.

        Raises:
            MissingModuleError: an engine's package is not installed.
        """
        ...

    async def run(self, task: Task) -> bytes:
        """Return the result of `task` as JSON; raises as `solve`."""
        ...

    async def solve(self, task: Task) -> Solved:
        """Return the answer to `task`.

        Raises:
            OverloadError: the queue is full.
            ComputationTimeoutError: the deadline passed; the worker was killed and replaced.
            EngineCrashError: the worker died, also under the second try.
            ResourceExhaustionError: the worker outgrew its memory limit and was killed and replaced.
            BioXenException: whatever the engine raised, as the same class.
        """
        ...

    def progress(self, request_id: str) -> TaskProgress | None:
        """Return how far a task of that request is; `None` where none is under way, or has said anything."""
        ...

    def health(self) -> WorkerHealth:
        """Return the state of the pool now."""
        ...

    async def close(self) -> None:
        """Stop every worker; tasks that still run or wait fail with `ServiceUnavailableError`."""
        ...
