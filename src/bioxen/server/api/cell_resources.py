"""What a kept cell holds, may have and has: `GET /vms/{vm_id}/resources`, `PUT /vms/{vm_id}/quotas`."""

from __future__ import annotations

from fastapi import APIRouter

from bioxen.protocol.cells import KeptResources
from bioxen.protocol.quotas import CellQuotas
from bioxen.server.api.cells import Name
from bioxen.server.api.problems import responses_for
from bioxen.server.api.security import Asking
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.jobs.runner import JobRunner


def cell_resource_routes(cells: HypervisorRuntime, runner: JobRunner) -> APIRouter:
    """Return the routes of cells' resources and quotas."""
    router = APIRouter(prefix="/vms/{vm_id}", tags=["cells"])

    @router.get("/resources", response_model=KeptResources, responses=responses_for(404, 422))
    async def get_resources(asking: Asking, vm_id: Name) -> KeptResources:
        """Return what the cell asked for and whether it holds that, its quotas, and what is used of them."""
        return await cells.resources(asking.owner, vm_id)

    @router.put("/quotas", response_model=KeptResources, responses=responses_for(400, 404, 413, 422, 507))
    async def put_quotas(asking: Asking, vm_id: Name, quotas: CellQuotas) -> KeptResources:
        """Set the quotas of this cell; those that are not named are the server's for every cell."""
        own = await cells.set_quotas(asking.owner, vm_id, quotas)
        runner.limit_cell(asking.owner, vm_id, own)
        return await cells.resources(asking.owner, vm_id)

    return router
