"""The past of cells over HTTP: forks, snapshots, lineage, history, replay."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query

from bioxen.protocol.cells import VmStatus
from bioxen.protocol.lineage import (
    ForkSpec,
    HistoryPage,
    Lineage,
    Replay,
    RestoreSpec,
    Snapshot,
    SnapshotSpec,
)
from bioxen.server.api.cells import CHANGED, AfterCell, Name
from bioxen.server.api.compute import FAULTS
from bioxen.server.api.problems import responses_for
from bioxen.server.api.security import Asking
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.store.cells import PAGE

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
After = Annotated[int, Query(ge=0, le=2**31 - 1)]
Limit = Annotated[int, Query(ge=1, le=1000)]


def past_routes(cells: HypervisorRuntime) -> APIRouter:
    """Return the routes of where cells come from, and where they were."""
    router = APIRouter(prefix="/vms/{vm_id}", tags=["cells"])

    @router.post("/forks", status_code=HTTPStatus.CREATED, response_model=VmStatus, responses=CHANGED)
    async def post_fork(asking: Asking, vm_id: Name, spec: ForkSpec) -> VmStatus:
        """Make a cell that begins where this one stands; it shares all that it does not change."""
        await cells.fork(asking.owner, vm_id, [spec])
        return await cells.status(asking.owner, spec.vm_id)

    @router.post("/snapshots", status_code=HTTPStatus.CREATED, response_model=Snapshot, responses=CHANGED)
    async def post_snapshot(asking: Asking, vm_id: Name, spec: SnapshotSpec) -> Snapshot:
        """Keep the cell's edits and living state as they are now."""
        return await cells.snapshot(asking.owner, vm_id, spec.name)

    @router.get("/snapshots", response_model=list[Snapshot], responses=responses_for(404, 422))
    async def get_snapshots(asking: Asking, vm_id: Name) -> list[Snapshot]:
        """List the cell's snapshots, the first first."""
        return await cells.snapshots(asking.owner, vm_id)

    @router.delete(
        "/snapshots/{number}", status_code=HTTPStatus.NO_CONTENT, responses=responses_for(404, 409, 422)
    )
    async def delete_snapshot(asking: Asking, vm_id: Name, number: Number) -> None:
        """Forget a snapshot. Cells that were forked from it stay as they are."""
        await cells.delete_snapshot(asking.owner, vm_id, number)

    @router.post("/restore", response_model=VmStatus, responses=CHANGED)
    async def post_restore(asking: Asking, vm_id: Name, spec: RestoreSpec) -> VmStatus:
        """Set the cell to any of its snapshots, earlier or later."""
        return await cells.restore(asking.owner, vm_id, spec.snapshot)

    @router.get("/lineage", response_model=Lineage, responses=responses_for(404, 422))
    async def get_lineage(
        asking: Asking, vm_id: Name, after: AfterCell = None, limit: Limit = PAGE
    ) -> Lineage:
        """Tell whom the cell descends from, and who was forked from it, in the order of their ids."""
        return await cells.lineage(asking.owner, vm_id, after, limit)

    @router.get("/history", response_model=HistoryPage, responses=responses_for(404, 422))
    async def get_history(asking: Asking, vm_id: Name, after: After = 0, limit: Limit = 100) -> HistoryPage:
        """List what was computed on the cell, its edits and restores, the first first."""
        return await cells.history(asking.owner, vm_id, after, limit)

    @router.post("/replay", response_model=Replay, responses={**FAULTS, **responses_for(404)})
    async def post_replay(asking: Asking, vm_id: Name, after: After = 0, limit: Limit = 100) -> Replay:
        """Compute once more what was computed on the cell, and compare the bytes; the cell stays."""
        return await cells.processes.replay(asking.owner, vm_id, after, limit)

    return router
