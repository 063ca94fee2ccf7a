"""A process of a cell as a job: `POST /vms/{vm_id}/jobs`."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from fastapi import APIRouter, Response

from bioxen.protocol.cells import CellJob, CellProcessCall
from bioxen.protocol.jobs import Estimate, Job
from bioxen.protocol.request import ComputeRequest
from bioxen.server.admission.asked import admitted
from bioxen.server.api.cells import ACCEPTED, Name
from bioxen.server.api.jobs import Key, new_id
from bioxen.server.api.security import Asking
from bioxen.server.hypervisor.calls import request_of
from bioxen.server.jobs.calls import CellCall
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.orchestrator.cutting import parts_for
from bioxen.server.orchestrator.owned import Asked, OwnersModels
from bioxen.server.store import cells, jobs
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.store import Store


def call_routes(store: Store, runner: JobRunner, models: OwnersModels) -> APIRouter:
    """Return the route of cells' jobs."""
    router = APIRouter(prefix="/vms/{vm_id}", tags=["cells"])

    @router.post("/jobs", status_code=HTTPStatus.ACCEPTED, response_model=Job, responses=ACCEPTED)
    async def post_job(
        asking: Asking, vm_id: Name, wanted: CellJob, response: Response, key: Key = None
    ) -> Job:
        """Accept a process of a cell as a job. It starts from where the cell stands when the job begins.

        The jobs of one cell run one after another; where its quota `running_jobs` says so, those that do not
        advance it side by side. With `advance` the cell moves on once, at the job's end.
        """
        digest = _call(vm_id, wanted).fingerprint()
        job = await store.read(jobs.known, asking.owner, key, digest)
        if job is None:
            record = await store.read(cells.find, asking.owner, vm_id)
            request = await asyncio.to_thread(_request, record, wanted)  # what is wrong with it is said now
            asked, estimate = await admitted(models, runner.estimator, asking.owner, request)
            job = await runner.submit(_new_job(runner.slots, record, wanted, asked, key, digest, estimate))
        response.headers["Location"] = f"/jobs/{job.job_id}"
        return job

    return router


def _call(vm_id: str, job: CellJob) -> CellCall:
    call = CellProcessCall(process_code=job.process_code, context=job.context, advance=job.advance)
    return CellCall(cell=vm_id, call=call)


def _request(record: CellRecord, job: CellJob) -> ComputeRequest:
    return request_of(record, _call(record.vm_id, job).call)


def _new_job(
    places: int,
    record: CellRecord,
    job: CellJob,
    asked: Asked,
    key: str | None,
    digest: str,
    estimate: Estimate | None,
) -> NewJob:
    call = _call(record.vm_id, job)
    which = {"cell_id": record.cell_id, "created_at": record.created_at}
    return NewJob(
        job_id=new_id(),
        owner_id=record.owner_id,
        process_code=job.process_code,
        request=call.model_copy(update=which).model_dump_json(),
        request_digest=digest,
        parts_total=parts_for(asked.request, estimate.seconds if estimate else None, places),
        priority=job.priority,
        deadline=job.deadline,
        vm_id=record.vm_id,
        advances=job.advance,
        cells=(record,),
        model=asked.model,
        idempotency_key=key,
        estimate=estimate,
    )
