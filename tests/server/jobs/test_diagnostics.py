"""What a solver prints belongs to the job it printed under: in the job's error, or in the log."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from tests.server.workers.stage import stage, task

from bioxen.protocol.metabolic import FbaRequest
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.orchestrator.computation import R
from bioxen.server.orchestrator.sharding import Shard
from bioxen.server.store import jobs
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.owners import LOCAL
from bioxen.server.store.store import Store
from bioxen.server.workers.local import LocalPool

PRINTED = "CVode: the step became too small"


class Grumbling:
    """A service whose engine prints by C under every computation, and fails where it is asked to."""

    def __init__(self, pool: LocalPool) -> None:
        self._pool = pool

    async def compute(self, request: ComputeRequest) -> bytes:
        assert isinstance(request, FbaRequest)
        return await self._pool.run(task("grumbling", str(request.objective)))

    async def routed(self, request: R) -> R:
        return request

    def parts(self, request: ComputeRequest) -> AsyncGenerator[Shard]:
        raise NotImplementedError

    def health(self) -> HealthReport:
        raise NotImplementedError


def new(job_id: str, objective: str) -> NewJob:
    request = FbaRequest(objective=objective)
    return NewJob(
        job_id=job_id,
        owner_id=LOCAL,
        process_code="metabolic_fba",
        request=request.model_dump_json(exclude_none=True),
        request_digest=request.fingerprint(),
        parts_total=1,
    )


def test_a_job_has_what_was_printed_under_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        store = Store.at(tmp_path).open()
        async with stage("GrumblingEngine", size=1) as pool:
            runner = JobRunner(store, Grumbling(pool), slots=1)
            await runner.start()
            for job_id, say in (("failing", "raise"), ("succeeding", "well")):
                await runner.submit(new(job_id, say))
                with runner.news.listen(job_id) as happened:
                    while not (job := await store.read(jobs.find, LOCAL, job_id)).ended:
                        await asyncio.wait_for(happened.wait(), 60)
                        happened.clear()
                if job_id == "failing":
                    assert job.error is not None
                    assert job.error["details"]["diagnostics"] == PRINTED
                else:
                    assert job.result_digest is not None
                    result = await store.fetch(job.result_digest)
                    assert PRINTED not in result.decode()  # not mixed into the protocol
                    assert json.loads(result)["say"] == "well"
            await runner.close()
        store.close()

    with caplog.at_level(logging.INFO, "bioxen.server.workers.local"):
        asyncio.run(asyncio.wait_for(scene(), 100))
    assert any(PRINTED in record.getMessage() for record in caplog.records)
