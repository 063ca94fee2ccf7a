"""Virtual cells over HTTP: `/vms`. The cells live in the orchestrator's store."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from bioxen.protocol.cells import (
    CellProcessCall,
    ComputationServiceStatus,
    Delta,
    Resources,
    VmSpec,
    VmStatus,
)
from bioxen.protocol.lineage import VmPage
from bioxen.protocol.request import BiologicalType
from bioxen.protocol.result import ProcessResult
from bioxen.server.api.compute import FAULTS
from bioxen.server.api.problems import responses_for
from bioxen.server.api.security import Asking
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.store.cells import PAGE

Name = Annotated[str, Path(min_length=1, max_length=128)]
AfterCell = Annotated[str | None, Query(max_length=128)]
Action = Literal["start", "pause", "resume", "stop"]
State = Literal["created", "running", "paused", "stopped"]
CHANGED = responses_for(400, 404, 409, 413, 422, 507)
ACCEPTED = responses_for(400, 404, 409, 413, 422, 503, 507)


def cell_routes(cells: HypervisorRuntime) -> APIRouter:
    """Return the routes of virtual cells."""
    router = APIRouter(prefix="/vms", tags=["cells"])

    @router.post(
        "",
        status_code=HTTPStatus.CREATED,
        response_model=VmStatus,
        responses=responses_for(400, 413, 422, 503, 507),
    )
    async def post_vm(asking: Asking, spec: VmSpec) -> VmStatus:
        """Make a cell; its state is `created` until it is started. It is on the disk when this answers."""
        await cells.create(asking.owner, [spec])
        return await cells.status(asking.owner, spec.vm_id)

    @router.get("", response_model=VmPage, responses=responses_for(422))
    async def get_vms(
        asking: Asking,
        state: State | None = None,
        biological_type: BiologicalType | None = None,
        after: AfterCell = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = PAGE,
    ) -> VmPage:
        """List your cells, in the order of their ids."""
        return await cells.page(
            asking.owner, state=state, biological_type=biological_type, after=after, limit=limit
        )

    @router.get("/{vm_id}", response_model=VmStatus, responses=responses_for(404, 422))
    async def get_vm(asking: Asking, vm_id: Name) -> VmStatus:
        """Return a cell's status."""
        return await cells.status(asking.owner, vm_id)

    @router.delete("/{vm_id}", status_code=HTTPStatus.NO_CONTENT, responses=responses_for(404, 409, 422))
    async def delete_vm(asking: Asking, vm_id: Name) -> None:
        """Destroy a cell and give its resources back."""
        await cells.act(asking.owner, [vm_id], "destroy")

    @router.post(
        "/{vm_id}/processes", response_model=ProcessResult, responses={**FAULTS, **responses_for(409)}
    )
    async def post_process(asking: Asking, vm_id: Name, call: CellProcessCall) -> ProcessResult:
        """Run a process on a cell that is running; with `advance` the cell moves on to where it ends."""
        return await cells.processes.execute(asking.owner, vm_id, call)

    @router.post(
        "/{vm_id}/actions/{action}", response_model=VmStatus, responses=responses_for(404, 409, 422, 507)
    )
    async def post_action(asking: Asking, vm_id: Name, action: Action) -> VmStatus:
        """Start, pause, resume or stop a cell."""
        await cells.act(asking.owner, [vm_id], action)
        return await cells.status(asking.owner, vm_id)

    @router.put("/{vm_id}/delta", response_model=VmStatus, responses=CHANGED)
    async def put_delta(asking: Asking, vm_id: Name, delta: Delta) -> VmStatus:
        """Set how the cell differs from its chassis."""
        return await cells.set_delta(asking.owner, vm_id, delta)

    @router.put("/{vm_id}/resources", response_model=VmStatus, responses=CHANGED)
    async def put_resources(asking: Asking, vm_id: Name, resources: Resources) -> VmStatus:
        """Set what the cell holds of the hypervisor's resources."""
        return await cells.allocate(asking.owner, vm_id, resources)

    @router.get(
        "/{vm_id}/computation", response_model=ComputationServiceStatus, responses=responses_for(404, 422)
    )
    async def get_computation(asking: Asking, vm_id: Name) -> ComputationServiceStatus:
        """Return how the cell computes, and how its services are."""
        return await cells.processes.computation_status(asking.owner, vm_id)

    return router
