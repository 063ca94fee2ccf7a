"""Jobs over HTTP: accepted, watched, fetched, cancelled, and there again after the server was killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.server.stores import place_of

from bioxen.client import BiologicalComputationClient
from bioxen.errors import ComputationError, JobNotFoundError, JobStateError, UnknownIdentifierError
from bioxen.protocol.jobs import Job
from bioxen.protocol.metabolic import BatchRequest, FbaRequest, MetabolicResult, Variant
from bioxen.server.orchestrator.sharding import SHARD
from bioxen.server.supervisor import Supervisor


@pytest.fixture
def client(services: Supervisor) -> Iterator[BiologicalComputationClient]:
    with BiologicalComputationClient(services.url, services.url, services.url) as client:
        yield client


def screen(parts: int) -> BatchRequest:
    variants = [
        Variant(constraints={"EX_glc__D_e": (-float(number % 20), 1000.0)}) for number in range(SHARD * parts)
    ]
    return BatchRequest(process_code="metabolic_batch", variants=variants)


def test_a_job_gives_the_bytes_of_the_same_request(
    http: httpx2.Client, client: BiologicalComputationClient
) -> None:
    for request in (FbaRequest(), screen(3)):
        body = request.model_dump_json(exclude_none=True)
        accepted = http.post("/jobs", json={"request": json.loads(body)})
        assert accepted.status_code == 202
        job = client.jobs.wait(accepted.json()["job_id"], timeout=60)
        assert accepted.headers["location"] == f"/jobs/{job.job_id}"
        assert job.state == "done", job.error
        same = http.post("/compute/metabolic", content=body, headers={"content-type": "application/json"})
        assert http.get(f"/jobs/{job.job_id}/result").content == same.content
        assert job.parts_done == job.parts_total


def test_the_client_hands_in_waits_and_fetches(client: BiologicalComputationClient) -> None:
    job = client.jobs.submit({"process_code": "metabolic_fba"}, key="once")
    assert client.jobs.submit({"process_code": "metabolic_fba"}, key="once").job_id == job.job_id
    with pytest.raises(JobStateError, match="used for another request"):
        client.jobs.submit({"process_code": "metabolic_pfba"}, key="once")
    assert client.jobs.wait(job.job_id, timeout=60).state == "done"
    result = client.jobs.result(job.job_id)
    assert isinstance(result, MetabolicResult)
    assert result.optimal_objective == pytest.approx(0.873922, abs=1e-6)
    assert job.job_id in [one.job_id for one in client.jobs.list("done").jobs]
    kinetic = client.jobs.submit({"process_code": "kinetic_ssa", "time_end": 10.0})
    assert client.jobs.wait(kinetic.job_id, timeout=60).state == "done"
    assert client.jobs.result(kinetic.job_id)["process_code"] == "kinetic_ssa"


def test_a_jobs_fault_is_the_same_class(client: BiologicalComputationClient) -> None:
    job = client.jobs.submit({"process_code": "metabolic_fba", "objective": "Biomas"})
    assert client.jobs.wait(job.job_id, timeout=60).state == "failed"
    with pytest.raises(UnknownIdentifierError, match="Biomas"):
        client.jobs.result(job.job_id)
    with pytest.raises(JobNotFoundError, match="no job 'nowhere'"):
        client.jobs.get("nowhere")


def test_events_tell_each_part_once_and_end(http: httpx2.Client) -> None:
    job_id = http.post("/jobs", content=_submission(screen(4)), headers=JSON).json()["job_id"]
    told: list[int] = []
    states: list[str] = []
    with http.stream("GET", f"/jobs/{job_id}/events") as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                event = json.loads(line.removeprefix("data:"))
                told += event["finished"]
                states.append(event["job"]["state"])
    assert sorted(told) == [0, 1, 2, 3]
    assert states[-1] == "done"
    part = http.get(f"/jobs/{job_id}/parts/2").json()
    assert len(part["batch"]["status"]) == SHARD
    assert http.get(f"/jobs/{job_id}/parts/9").json()["code"] == "BX019"
    assert http.get(f"/jobs/{job_id}/parts/{2**70}").json()["code"] == "BX008"


def test_a_cancelled_job_stops_and_says_so(http: httpx2.Client) -> None:
    job_id = http.post("/jobs", content=_submission(screen(400)), headers=JSON).json()["job_id"]
    job = http.delete(f"/jobs/{job_id}").json()
    assert job["state"] == "cancelled"
    assert http.delete(f"/jobs/{job_id}").json() == job
    refused = http.get(f"/jobs/{job_id}/result")
    assert (refused.status_code, refused.json()["code"]) == (409, "BX020")


@pytest.mark.faults
@pytest.mark.timeout(300)  # a busy machine starts servers slowly
def test_a_killed_server_loses_no_job_and_repeats_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOXEN_HOME", str(tmp_path))
    with Supervisor(
        compute_arguments=["--workers", "1"], orchestrator_arguments=["--store", place_of(tmp_path)]
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
            ended = client.jobs.wait(job.job_id, timeout=100)
            assert (ended.state, ended.parts_done) == ("done", 60)
        assert max(client.jobs.get(job.job_id).attempts for job in jobs) > 1
        for job in growing:
            assert client.jobs.wait(job.job_id, timeout=100).state == "done"
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


JSON = {"content-type": "application/json"}


def _submission(request: BatchRequest) -> str:
    return json.dumps({"request": json.loads(request.model_dump_json(exclude_none=True))})
