"""Jobs of requests and of cells, with their results, after the orchestrator was killed; on any database."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest
from tests.faults.scene import screen
from tests.server.stores import place_of

from bioxen.client import BiologicalComputationClient
from bioxen.errors import ComputationError
from bioxen.protocol.jobs import Job
from bioxen.server.supervisor import Supervisor


@pytest.mark.faults
@pytest.mark.timeout(900)  # a busy machine starts servers slowly
def test_a_killed_server_loses_no_job_and_repeats_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOXEN_HOME", str(tmp_path))
    with Supervisor(
        compute_arguments=["--workers", "1", "--cache-mb", "0"],  # else equal parts are computed once
        orchestrator_arguments=["--store", place_of(tmp_path)],
    ) as services:
        client = BiologicalComputationClient(services.url, services.url, services.url)
        client.cells.create("culture", "ecoli", config={"model": "textbook"})
        client.cells.act("culture", "start")
        jobs = [client.jobs.submit(screen(60)) for _ in range(3)]
        growing = [
            client.cells.submit("culture", "metabolic_dfba", {"time_end": 0.5}, advance=True, priority=60)
            for _ in range(6)
        ]
        orchestrator = services.services[-1]
        for _ in range(3):
            before = _done(client, jobs)
            while _done(client, jobs) == before < 180:
                time.sleep(0.02)
            assert orchestrator.process is not None
            os.kill(orchestrator.process.pid, signal.SIGKILL)
            orchestrator.process.wait()
            orchestrator.start()
        for job in jobs:
            ended = client.jobs.wait(job.job_id, timeout=400)
            assert (ended.state, ended.parts_done) == ("done", 60)
        assert max(client.jobs.get(job.job_id).attempts for job in jobs) > 1
        for job in growing:
            assert client.jobs.wait(job.job_id, timeout=400).state == "done"
        living = client.cells.get("culture").living
        assert living is not None and living.time == pytest.approx(3.0)
        assert len(client.cells.history("culture").entries) == 6
        assert client.cells.replay("culture").same
        results = {client.jobs.get(job.job_id).result_digest for job in jobs}
        assert len(results) == 1
        _result_is_lost_and_found(client, jobs[0], tmp_path / "results" / str(results.pop()))
        client.close()


def _result_is_lost_and_found(client: BiologicalComputationClient, job: Job, name: Path) -> None:
    path = name.parent / name.name[:2] / name.name
    if not path.exists():  # beside PostgreSQL, results are in the user's own folder
        path = name.parents[1] / "store" / "results" / name.name[:2] / name.name
    content = path.read_bytes()
    path.unlink()
    lost = client.jobs.wait(job.job_id)
    assert lost.state == "unknown" and lost.ended and lost.error is not None
    with pytest.raises(ComputationError, match="is missing"):
        client.jobs.result(job.job_id)
    assert job.job_id in [one.job_id for one in client.jobs.list("unknown").jobs]
    path.write_bytes(content[:-1])
    with pytest.raises(ComputationError, match="stored result"):
        client.jobs.result(job.job_id)
    path.write_bytes(content)
    assert client.jobs.get(job.job_id).state == "done"
    assert client.jobs.content(job.job_id) == content


def _done(client: BiologicalComputationClient, jobs: list[Job]) -> int:
    with contextlib.suppress(Exception):
        return sum(client.jobs.get(job.job_id).parts_done for job in jobs)
    return -1
