"""Many cells over HTTP: `/vms/bulk` changes them, `/vms/runs` computes on them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import APIRouter, Response

from bioxen.protocol.bulk import BulkCreate, BulkDone, BulkFork, BulkRequest, PopulationRun
from bioxen.protocol.jobs import Job
from bioxen.protocol.submission import JobSubmission
from bioxen.server.admission.asked import admitted
from bioxen.server.api.cells import ACCEPTED, CHANGED
from bioxen.server.api.jobs import Key, new_job
from bioxen.server.api.security import Asking
from bioxen.server.hypervisor.population import batch_of
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.orchestrator.owned import OwnersModels
from bioxen.server.store import jobs
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.store import Store


def population_routes(
    store: Store, cells: HypervisorRuntime, runner: JobRunner, models: OwnersModels
) -> APIRouter:
    """Return the routes of many cells at once."""
    router = APIRouter(prefix="/vms", tags=["cells"])

    @router.post("/bulk", response_model=BulkDone, responses=CHANGED)
    async def post_bulk(asking: Asking, request: BulkRequest) -> BulkDone:
        """Make, fork, start, pause, resume, stop or destroy many cells: all of them or none."""
        if isinstance(request, BulkCreate):
            await cells.create(asking.owner, request.cells)
            return BulkDone(action=request.action, done=len(request.cells))
        if isinstance(request, BulkFork):
            await cells.fork(asking.owner, request.vm_id, request.cells)
            return BulkDone(action=request.action, done=len(request.cells))
        await cells.act(asking.owner, request.vm_ids, request.action)
        return BulkDone(action=request.action, done=len(set(request.vm_ids)))

    @router.post("/runs", status_code=HTTPStatus.ACCEPTED, response_model=Job, responses=ACCEPTED)
    async def post_run(asking: Asking, run: PopulationRun, response: Response, key: Key = None) -> Job:
        """Run one process on many cells as one job, whose result has one entry a cell, in their order."""
        digest = _asked(run).fingerprint()
        job = await store.read(jobs.known, asking.owner, key, digest)
        if job is None:
            records = await cells.records(asking.owner, run.vm_ids)
            submission = await asyncio.to_thread(_submission, records, run)
            asked, estimate = await admitted(models, runner.estimator, asking.owner, submission.request)
            known = (runner.slots, submission, asking.owner, key, estimate, records, asked.model, digest)
            new = await asyncio.to_thread(new_job, *known)
            job = await runner.submit(new)
        response.headers["Location"] = f"/jobs/{job.job_id}"
        return job

    return router


def _asked(run: PopulationRun) -> PopulationRun:
    """Return what of a run a key stands for: not how urgent it is, nor how long it may take."""
    return PopulationRun(vm_ids=run.vm_ids, process_code=run.process_code, context=run.context)


def _submission(records: Sequence[CellRecord], run: PopulationRun) -> JobSubmission:
    return JobSubmission(request=batch_of(records, run), priority=run.priority, deadline=run.deadline)
