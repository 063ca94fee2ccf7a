"""Jobs over HTTP: `/jobs`. Accepted work outlives the connection and the server."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bioxen.errors import ComputationError, JobStateError
from bioxen.protocol.jobs import Estimate, Job, JobPage, JobProgress
from bioxen.protocol.submission import JobSubmission
from bioxen.server.admission.asked import admitted
from bioxen.server.api.problems import responses_for
from bioxen.server.api.security import Asking
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.orchestrator.cutting import parts_for
from bioxen.server.orchestrator.owned import OwnersModels
from bioxen.server.store import jobs
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.models import KeptModel
from bioxen.server.store.store import Store

JobId = Annotated[str, Path(min_length=1, max_length=64)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
State = Literal["queued", "running", "done", "failed", "cancelled", "unknown"]
HEARTBEAT = 15.0
"""Seconds after which a stream that has nothing to tell says so: proxies close silent ones."""


def job_routes(store: Store, runner: JobRunner, models: OwnersModels) -> APIRouter:
    """Return the routes of jobs."""
    router = APIRouter(prefix="/jobs", tags=["jobs"])

    @router.post(
        "",
        status_code=HTTPStatus.ACCEPTED,
        response_model=Job,
        responses=responses_for(400, 404, 409, 413, 422, 503, 507),
    )
    async def post_job(submission: JobSubmission, response: Response, asking: Asking, key: Key = None) -> Job:
        """Accept a process as a job: it is on the disk when this answers. The same key gives the same job."""
        job = await store.read(jobs.known, asking.owner, key, submission.request.fingerprint())
        if job is None:
            asked, estimate = await admitted(models, runner.estimator, asking.owner, submission.request)
            job = await runner.submit(
                new_job(runner.slots, submission, asking.owner, key, estimate, model=asked.model)
            )
        response.headers["Location"] = f"/jobs/{job.job_id}"
        return job

    @router.post("/estimate", response_model=Estimate, responses=responses_for(400, 404, 422, 507))
    async def post_estimate(submission: JobSubmission, asking: Asking) -> Estimate:
        """Say what a job would take, and start nothing; one that does not fit is refused as it would be."""
        _, estimate = await admitted(models, runner.estimator, asking.owner, submission.request)
        return estimate

    @router.get("", response_model=JobPage, responses=responses_for(404, 422))
    async def get_jobs(
        asking: Asking,
        state: State | None = None,
        after: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = jobs.PAGE,
    ) -> JobPage:
        """List your jobs, the newest first."""
        return await store.read(jobs.page, asking.owner, state=state, after=after, limit=limit)

    @router.get("/{job_id}", response_model=Job, responses=responses_for(404, 422))
    async def get_job(job_id: JobId, asking: Asking) -> Job:
        """Return what is known of a job."""
        tells = runner.tells(job_id)
        job = runner.with_estimate(await _found(store, asking.owner, job_id))
        return (await runner.look(asking.owner, job_id))[0] if tells and job.state == "running" else job

    @router.delete("/{job_id}", response_model=Job, responses=responses_for(404, 422))
    async def delete_job(job_id: JobId, asking: Asking) -> Job:
        """Cancel a job: what it computes stops. One that has ended stays as it is."""
        return await runner.cancel(asking.owner, job_id)

    @router.get("/{job_id}/result", responses=responses_for(404, 409, 422, 500))
    async def get_result(job_id: JobId, asking: Asking) -> Response:
        """Return the result of a job that is done: the bytes that the compute route would have answered."""
        job = await store.read(jobs.find, asking.owner, job_id)
        if job.result_digest is None:
            raise _not_done(job)
        content = await _content(store, job)
        return Response(content, media_type="application/json", headers={"ETag": f'"{job.result_digest}"'})

    @router.get("/{job_id}/parts/{number}", responses=responses_for(404, 422))
    async def get_part(
        job_id: JobId, number: Annotated[int, Path(ge=0, le=2**31 - 1)], asking: Asking
    ) -> Response:
        """Return the result of a finished part."""
        digest = await store.read(jobs.find_shard, asking.owner, job_id, number)
        return Response(await store.fetch(digest), media_type="application/json")

    async def known_job(job_id: JobId, asking: Asking) -> None:
        await store.read(jobs.find, asking.owner, job_id)

    @router.get(
        "/{job_id}/events",
        response_class=EventSourceResponse,
        responses=responses_for(404, 422),
        dependencies=[Depends(known_job)],  # looked for before the answer begins, which could not say it
    )
    async def get_events(job_id: JobId, asking: Asking) -> AsyncIterator[ServerSentEvent]:
        """Tell what happens to a job, from its beginning, until it has ended: events `progress`."""
        async for event in _events(runner, asking.owner, job_id):
            yield event

    return router


def new_job(
    places: int,
    submission: JobSubmission,
    owner: str,
    key: str | None,
    estimate: Estimate | None = None,
    cells: Sequence[CellRecord] = (),
    model: KeptModel | None = None,
    asked_digest: str | None = None,
) -> NewJob:
    """Return the record of a new job, one that computes for `cells` with an owner's own `model`.

    It is cut into parts by its estimate, for so many `places`.
    """
    request = submission.request
    return NewJob(
        job_id=new_id(),
        owner_id=owner,
        process_code=str(getattr(request, "process_code")),  # noqa: B009 - each kind declares its own codes
        request=request.model_dump_json(exclude_none=True),
        request_digest=request.fingerprint(),
        parts_total=parts_for(request, estimate.seconds if estimate else None, places),
        priority=submission.priority,
        deadline=submission.deadline,
        vm_id=request.vm_id,
        idempotency_key=key,
        estimate=estimate,
        cells=cells,
        model=model,
        asked_digest=asked_digest,
    )


def new_id() -> str:
    """Return a new id; ids sort by the time they were made."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


async def _events(runner: JobRunner, owner: str, job_id: str) -> AsyncIterator[ServerSentEvent]:
    told: set[int] = set()
    with runner.news.listen(job_id) as happened:
        while True:
            happened.clear()
            job, finished = await runner.look(owner, job_id)
            fresh = sorted(finished - told)
            told |= finished
            yield ServerSentEvent(event="progress", data=JobProgress(job=job, finished=fresh))
            if job.ended:
                return
            while not happened.is_set():
                try:
                    await asyncio.wait_for(happened.wait(), HEARTBEAT)
                except TimeoutError:
                    yield ServerSentEvent(comment="still here")


async def _found(store: Store, owner: str, job_id: str) -> Job:
    """Return a job; one whose result is not where it was kept is `unknown`, until it is there again."""
    job = await store.read(jobs.find, owner, job_id)
    if job.result_digest is None or (job.state == "done") == (job.result_digest in store.blobs):
        return job
    with contextlib.suppress(ComputationError):
        await _content(store, job)
    return await store.read(jobs.find, owner, job_id)


async def _content(store: Store, job: Job) -> bytes:
    """Return the result of a job, and note whether it could be read.

    Raises:
        ComputationError: it is missing, or it is not what it was.
    """
    digest = job.result_digest or ""
    try:
        content = await store.fetch(digest)
    except ComputationError as error:
        await store.write(jobs.lose, digest, error.to_problem())
        raise
    if job.state == "unknown":
        await store.write(jobs.regain, digest)
    return content


def _not_done(job: Job) -> JobStateError:
    if job.state == "done":
        return JobStateError(
            f"The result of the job {job.job_id} is not kept any more.",
            details={"place": "job_id", "state": job.state, "remedy": "Submit the request again."},
        )
    remedy = (
        "Wait for the state done; GET /jobs/{job_id}/events tells." if not job.ended else "See its error."
    )
    return JobStateError(
        f"The job {job.job_id} is {job.state} and has no result.",
        details={"place": "job_id", "state": job.state, "remedy": remedy},
    )
