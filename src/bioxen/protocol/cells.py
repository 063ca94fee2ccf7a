"""Virtual cells on the wire: what one is made from, and what it says of itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from bioxen.protocol.base import MappingMessage, Message
from bioxen.protocol.jobs import JobDeadline, Priority
from bioxen.protocol.kinetic import Seed
from bioxen.protocol.quotas import CellQuotas, QuotaName, Usage
from bioxen.protocol.request import BiologicalType
from bioxen.protocol.units import Bounds, Fraction, Identifier, ModelName, Quantity, Seconds, Uptake

VmType = Literal["basic", "lightweight", "enhanced"]
ExecutionMode = Literal["symbolic", "real", "hybrid"]
VmState = Literal["created", "running", "paused", "stopped", "destroyed"]
VmId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.\-]+$")]


class Resources(MappingMessage):
    """What a cell holds of its hypervisor's resources."""

    ribosomes: Annotated[int, Field(ge=0, le=10**9)] = 0
    """Number of ribosomes."""
    atp_share: Fraction = 0.0
    """Share of the hypervisor's ATP budget."""
    memory_mb: Annotated[float, Field(ge=0, le=1e9, json_schema_extra={"x-unit": "MB"})] = 0.0
    """Memory, MB."""
    priority: Annotated[int, Field(ge=0, le=100)] = 50
    """0 (last) to 100 (first)."""


class ResourceUsage(Resources):
    """What a cell asked for of its hypervisor's resources, whether it holds that, and what it used."""

    granted: bool
    """Whether a hypervisor holds these amounts for the cell now; a stopped cell holds none."""
    memory_used_mb: Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "MB"})]
    """Memory of the cell's edits and of its cached results, MB."""
    processes_executed: int
    execution_seconds: Seconds
    """Time the cell's processes took together, s, measured."""


class KeptResources(Resources):
    """What a kept cell asked for, whether it holds that, what it may have of the server, and what it has.

    The answer of `GET /vms/{vm_id}/resources`.
    """

    granted: bool
    """Whether the amounts are held for the cell now; a stopped cell holds none."""
    processes_executed: int
    quotas: CellQuotas
    """What holds for the cell."""
    own_quotas: list[QuotaName]
    """Those of them that were set for this cell; the others are the server's for every cell."""
    usage: Usage


class Delta(Message):
    """How a cell differs from its chassis: it goes with each of the cell's requests."""

    gene_knockouts: list[Identifier] = Field(default_factory=list)
    reaction_knockouts: list[Identifier] = Field(default_factory=list)
    medium: dict[Identifier, Uptake] | None = None
    """Exchange id → largest uptake, mmol/gDW/h; the model's own medium where absent."""
    constraints: dict[Identifier, Bounds] = Field(default_factory=dict)
    """Reaction id → [lower, upper], mmol/gDW/h."""
    parameters: dict[Identifier, Quantity] = Field(default_factory=dict)
    """Kinetic parameter id → value."""
    initial_conditions: dict[Identifier, Quantity] = Field(default_factory=dict)
    """`S` or `[S]` → value at the start."""
    seed: Seed | None = None
    """Seed of the cell's stochastic runs; from the cell's id where absent, so that cells differ."""


class Living(Message):
    """Where a cell stands after the processes that advanced it; the next one starts from there."""

    time: Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "h"})] = 0.0
    """How long the cell has lived in dynamic FBA, h."""
    biomass: Annotated[float, Field(ge=0, json_schema_extra={"x-unit": "gDW/L"})] | None = None
    """Biomass, gDW/L; null until a dynamic FBA advanced the cell."""
    concentrations: dict[Identifier, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Exchange id → what is left of it in the medium, mmol/L; others do not run out."""
    model_time: float = 0.0
    """Where the kinetic model's clock stands, in its own unit."""
    species: dict[Identifier, Quantity] = Field(default_factory=dict)
    """`S` or `[S]` → value, in the kinetic model's unit."""


class ComputationServiceUrls(Message):
    """Where a cell's services are."""

    static: str | None = None
    dynamic: str | None = None
    tools: str | None = None
    """Where third-party tools run, an orchestrator."""


class VmConfig(Message):
    """The configuration of a cell."""

    enable_service_computation: bool | None = None
    """Whether the cell may ask services; the cell's type decides where absent."""
    enable_execution_modal: bool | None = None
    """The older name of `enable_service_computation`."""
    computation_service_urls: ComputationServiceUrls | None = None
    enable_computation_caching: bool | None = None
    """Whether results are cached in the cell; `enhanced` cells do."""
    execution_mode: ExecutionMode | None = None
    """`hybrid` for a cell that may ask services, else `symbolic`."""
    model: ModelName | None = None
    """The metabolic model; the chassis' default where absent."""
    kinetic_model: ModelName | None = None
    """The kinetic program; the chassis' default where absent."""
    delta: Delta = Field(default_factory=Delta)
    resources: Resources | None = None


class VmSpec(Message):
    """The body of `POST /vms`: what to make a cell from."""

    vm_id: VmId
    biological_type: BiologicalType
    vm_type: VmType = "lightweight"
    config: VmConfig = Field(default_factory=VmConfig)
    quotas: CellQuotas | None = None
    """What the cell may have of the server, where that differs from what every cell may."""


class VmStatus(MappingMessage):
    """What a cell says of itself."""

    vm_id: str
    biological_type: str
    vm_type: VmType
    state: VmState
    execution_mode: ExecutionMode
    delta: Delta
    resources: Resources | None
    """What the hypervisor granted; null where the cell has none."""
    processes_executed: int
    cache_hits: int
    created_at: str
    """ISO 8601, UTC."""
    living: Living | None = None
    """Where the cell stands; null for one that no process has advanced."""


class ComputationServiceStatus(MappingMessage):
    """How a cell computes."""

    service_based: bool
    computation_service_urls: dict[str, str]
    service_health: dict[str, str]
    """Service → `healthy`, `degraded`, `unhealthy` or `unreachable`."""
    vm_computation_mode: Literal["service_client", "symbolic_only"]
    execution_mode: ExecutionMode


class ProcessCall(Message):
    """The body of a request to run a process on a cell, or on a third party's tool."""

    process_code: Identifier
    context: dict[str, Any] = Field(default_factory=dict)
    """Fields of the process's own request."""


class CellProcessCall(ProcessCall):
    """The body of `POST /vms/{vm_id}/processes`."""

    advance: bool = False
    """Whether the cell moves on to where the process ends: dynamic FBA and time courses."""


class CellJob(CellProcessCall):
    """The body of `POST /vms/{vm_id}/jobs`."""

    priority: Priority = 50
    """0 (last) to 100 (first), among your own jobs."""
    deadline: JobDeadline | None = None
    """The longest the job may run, s."""
