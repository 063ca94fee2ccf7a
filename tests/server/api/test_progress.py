"""How far a job is whose one part is a long analysis, as its clients see it."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx2
import numpy as np
import pytest

from bioxen.cli.jobs import _how_far
from bioxen.client import BiologicalComputationClient
from bioxen.protocol.jobs import Job
from bioxen.server.supervisor import Supervisor

TIMES = np.linspace(0.0, 20.0, 15)
LOTKA = (
    "species x = 1, y = 0.5; => x; a*x; x => ; b*x*y; => y; c*x*y; y => ; d*y; a = 1; b = 1; c = 1; d = 1;"
)
FIT: dict[str, Any] = {
    "process_code": "kinetic_parameter_estimation",
    "kinetic_code": LOTKA,
    "measured_times": TIMES.tolist(),
    "measurements": {"x": (1 + 0.5 * np.cos(TIMES)).tolist(), "y": (1 + 0.5 * np.sin(TIMES)).tolist()},
    "estimate": {name: {"lower": 0.2, "upper": 5.0} for name in "abcd"},
    "starts": 40,
    "engine": "libroadrunner",
}
"""Some seconds of work: the data are those of no parameters."""


@pytest.fixture
def orchestrator(services: Supervisor) -> BiologicalComputationClient:
    return BiologicalComputationClient(services.url, services.url, services.url)


def test_a_fit_from_many_starts_shows_how_far_it_is(
    http: httpx2.Client, orchestrator: BiologicalComputationClient
) -> None:
    with orchestrator as client:
        job_id = client.jobs.submit(FIT).job_id
        told: list[Job] = []
        watching = threading.Thread(target=lambda: told.extend(_events(http, job_id)))
        watching.start()
        seen: list[Job] = []
        job = client.jobs.wait(job_id, timeout=200, seen=seen.append)
        watching.join(200)
        assert job.state == "done", job.error
        for jobs in (seen, told):
            fractions = [one.fraction for one in jobs]
            assert fractions == sorted(fractions)
            assert fractions[-1] == 1.0
            between = [one for one in jobs if one.under_way]
            assert between, "nothing was told before it was done"
            assert all((one.parts_done, one.parts_total, one.state) == (0, 1, "running") for one in between)
            assert {part.phase for one in between for part in one.under_way} == {"starts"}
        assert "0 of 1 parts (starts)" in _how_far(next(one for one in seen if one.under_way))
        assert client.jobs.list("done").jobs[0].under_way == []


def _events(http: httpx2.Client, job_id: str) -> list[Job]:
    with http.stream("GET", f"/jobs/{job_id}/events") as answer:
        return [
            Job.model_validate_json(json.dumps(json.loads(line.removeprefix("data:"))["job"]))
            for line in answer.iter_lines()
            if line.startswith("data:")
        ]


def test_what_is_not_under_way_has_no_progress(static: httpx2.Client, dynamic: httpx2.Client) -> None:
    for service in (static, dynamic):
        answer = service.get("/progress/nobody")
        assert (answer.status_code, answer.json()) == (200, None)
        assert service.get(f"/progress/{'x' * 129}").json()["code"] == "BX008"
