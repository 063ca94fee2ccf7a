"""Jobs over HTTP: accepted, watched, fetched, cancelled."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest

from bioxen.client import BiologicalComputationClient
from bioxen.errors import JobNotFoundError, JobStateError, UnknownIdentifierError
from bioxen.protocol.metabolic import BatchRequest, FbaRequest, MetabolicResult, Variant
from bioxen.server.orchestrator.cutting import SHARD
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
        job = client.jobs.wait(accepted.json()["job_id"], timeout=200)
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
    assert client.jobs.wait(job.job_id, timeout=200).state == "done"
    result = client.jobs.result(job.job_id)
    assert isinstance(result, MetabolicResult)
    assert result.optimal_objective == pytest.approx(0.873922, abs=1e-6)
    assert job.job_id in [one.job_id for one in client.jobs.list("done").jobs]
    kinetic = client.jobs.submit({"process_code": "kinetic_ssa", "time_end": 10.0})
    assert client.jobs.wait(kinetic.job_id, timeout=200).state == "done"
    assert client.jobs.result(kinetic.job_id)["process_code"] == "kinetic_ssa"


def test_a_jobs_fault_is_the_same_class(client: BiologicalComputationClient) -> None:
    job = client.jobs.submit({"process_code": "metabolic_fba", "objective": "Biomas"})
    assert client.jobs.wait(job.job_id, timeout=200).state == "failed"
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


def test_events_of_no_job_are_not_found(http: httpx2.Client) -> None:
    answer = http.get("/jobs/nowhere/events")
    assert (answer.status_code, answer.json()["code"]) == (404, "BX019")


def test_a_cancelled_job_stops_and_says_so(http: httpx2.Client) -> None:
    job_id = http.post("/jobs", content=_submission(screen(400)), headers=JSON).json()["job_id"]
    job = http.delete(f"/jobs/{job_id}").json()
    assert job["state"] == "cancelled"
    assert http.delete(f"/jobs/{job_id}").json() == job
    refused = http.get(f"/jobs/{job_id}/result")
    assert (refused.status_code, refused.json()["code"]) == (409, "BX020")


JSON = {"content-type": "application/json"}


def _submission(request: BatchRequest) -> str:
    return json.dumps({"request": json.loads(request.model_dump_json(exclude_none=True))})
