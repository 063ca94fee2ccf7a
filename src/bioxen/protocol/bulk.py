"""Many cells in one request."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.cells import VmId, VmSpec
from bioxen.protocol.jobs import JobDeadline, Priority
from bioxen.protocol.lineage import ForkSpec
from bioxen.protocol.units import Identifier

MAX_CELLS = 10_000
MAX_POPULATION = 100_000

VmIds = Annotated[list[VmId], Field(min_length=1, max_length=MAX_CELLS)]


class BulkCreate(Message):
    """Make cells."""

    action: Literal["create"]
    cells: Annotated[list[VmSpec], Field(min_length=1, max_length=MAX_CELLS)]


class BulkFork(Message):
    """Make cells that begin where one stands."""

    action: Literal["fork"]
    vm_id: VmId
    """The cell they come from."""
    cells: Annotated[list[ForkSpec], Field(min_length=1, max_length=MAX_CELLS)]


class BulkAction(Message):
    """Move cells through their life, or end them."""

    action: Literal["start", "pause", "resume", "stop", "destroy"]
    vm_ids: VmIds


BulkRequest = Annotated[BulkCreate | BulkFork | BulkAction, Field(discriminator="action")]
"""The body of `POST /vms/bulk`: done for all cells it names, or for none."""


class BulkDone(Message):
    """What a bulk request did."""

    action: str
    done: int
    """How many cells it was done for."""


class PopulationRun(Message):
    """The body of `POST /vms/runs`: one process on many cells, as one job.

    The job's result is that of `metabolic_batch` or `kinetic_batch`: one entry a cell, in the order of
    `vm_ids`.
    """

    vm_ids: Annotated[list[VmId], Field(min_length=1, max_length=MAX_POPULATION)]
    """Cells that run, all with the same chassis and model, and with their models' clocks at the same time."""
    process_code: Identifier
    """A metabolic process; a kinetic simulation, steady state, or analysis of one model with one answer."""
    context: dict[str, Any] = Field(default_factory=dict)
    """Fields of the process's own request, for every cell; `report` and the like of the batch too."""
    priority: Priority = 50
    deadline: JobDeadline | None = None
