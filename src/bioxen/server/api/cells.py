"""Virtual cells over HTTP: `/vms`. The cells live in the orchestrator's hypervisor."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Path

from bioxen.protocol.cells import (
    ComputationServiceStatus,
    Delta,
    ProcessCall,
    Resources,
    VmSpec,
    VmStatus,
)
from bioxen.protocol.result import ProcessResult
from bioxen.server.api.compute import FAULTS
from bioxen.server.api.problems import responses_for
from bioxen.server.hypervisor.runtime import HypervisorRuntime

Name = Annotated[str, Path(min_length=1, max_length=128)]
Action = Literal["start", "pause", "resume", "stop"]


def cell_routes(cells: HypervisorRuntime) -> APIRouter:
    """Return the routes of virtual cells."""
    router = APIRouter(prefix="/vms", tags=["cells"])

    @router.post(
        "",
        status_code=HTTPStatus.CREATED,
        response_model=VmStatus,
        responses=responses_for(400, 413, 422, 503, 507),
    )
    async def post_vm(spec: VmSpec) -> VmStatus:
        """Make a cell; its state is `created` until it is started."""
        return await cells.create(spec)

    @router.get("", response_model=list[VmStatus], responses=responses_for())
    async def get_vms() -> list[VmStatus]:
        """List every cell."""
        return await cells.list()

    @router.get("/{vm_id}", response_model=VmStatus, responses=responses_for(404, 422))
    async def get_vm(vm_id: Name) -> VmStatus:
        """Return a cell's status."""
        return await cells.status(vm_id)

    @router.delete("/{vm_id}", status_code=HTTPStatus.NO_CONTENT, responses=responses_for(404, 409, 422))
    async def delete_vm(vm_id: Name) -> None:
        """Destroy a cell and give its resources back."""
        await cells.destroy(vm_id)

    @router.post(
        "/{vm_id}/processes", response_model=ProcessResult, responses={**FAULTS, **responses_for(409)}
    )
    async def post_process(vm_id: Name, call: ProcessCall) -> ProcessResult:
        """Run a process on a cell that is running."""
        return await cells.execute(vm_id, call)

    @router.post("/{vm_id}/actions/{action}", response_model=VmStatus, responses=responses_for(404, 409, 422))
    async def post_action(vm_id: Name, action: Action) -> VmStatus:
        """Start, pause, resume or stop a cell."""
        return await cells.act(vm_id, action)

    @router.put(
        "/{vm_id}/delta", response_model=VmStatus, responses=responses_for(400, 404, 409, 413, 422, 507)
    )
    async def put_delta(vm_id: Name, delta: Delta) -> VmStatus:
        """Set how the cell differs from its chassis."""
        return await cells.set_delta(vm_id, delta)

    @router.put(
        "/{vm_id}/resources",
        response_model=VmStatus,
        responses=responses_for(400, 404, 409, 413, 422, 507),
    )
    async def put_resources(vm_id: Name, resources: Resources) -> VmStatus:
        """Set what the cell holds of the hypervisor's resources."""
        return await cells.allocate(vm_id, resources)

    @router.get(
        "/{vm_id}/computation", response_model=ComputationServiceStatus, responses=responses_for(404, 422)
    )
    async def get_computation(vm_id: Name) -> ComputationServiceStatus:
        """Return how the cell computes, and how its services are."""
        return await cells.computation_status(vm_id)

    return router
