"""What services say of themselves: health, processes, models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.units import Seconds

HealthStatus = Literal["healthy", "degraded", "unhealthy"]
ServiceKind = Literal["static", "dynamic", "orchestrator"]
STATIC_PORT, DYNAMIC_PORT, ORCHESTRATOR_PORT = 5001, 5002, 5000


class WorkerHealth(Message):
    """The state of a service's worker pool."""

    size: int
    """Number of workers wanted."""
    ready: int
    """Workers that are alive and ready."""
    busy: int
    queued: int
    """Tasks that wait."""
    queue_limit: int
    replaced: int
    """Workers replaced since the start."""
    completed: int
    """Tasks answered since the start."""


class EngineInfo(Message):
    """An engine and its versions."""

    name: str
    version: str


class HealthReport(Message):
    """The answer of `GET /health`."""

    service: ServiceKind
    status: HealthStatus
    """`degraded` computes, with less than it should have; `unhealthy` does not compute."""
    bioxen_version: str
    uptime: Seconds
    engines: list[EngineInfo]
    workers: WorkerHealth | None
    """The service's own workers; null where it has none."""
    trouble: str | None = None
    """What in this process has stopped working; a new start mends it. `/health` is 503 then."""


class TaskProgress(Message):
    """How far one computation is, in its own words."""

    fraction: Annotated[float, Field(ge=0, le=1)]
    """The share of its steps that is done; it never falls, and says nothing of the time that is left."""
    phase: str
    """What it is doing: `starts`, `profiles`, `branch`, `samples` and so on."""


class ProcessInfo(Message):
    """One process that a service computes."""

    code: str
    aliases: list[str]
    title: str
    service: str
    kisao: str | None


class ModelInfo(Message):
    """One model of the repository."""

    id: str
    kind: Literal["metabolic", "kinetic"]
    chassis: str
    title: str
    format: Literal["sbml", "antimony", "cobra-json"]
    version: str
    digest: str
    """sha256 of the model's text."""
    licence: str
    sources: list[str]
    limits: list[str]
    origin: Literal["bioxen", "package", "user", "owner"]
    """`bioxen`, `package`: it ships; `user`: the machine's own folder has it; `owner`: it is yours alone."""


class ReplicaInfo(Message):
    """One replica of a service as the orchestrator sees it."""

    service: Literal["static", "dynamic"]
    url: str
    state: Literal["unknown", "healthy", "unhealthy"]
    in_flight: int
    answered: int
    failed: int
    reason: str | None
    """Why it is not healthy."""
