"""What servers remember and could do without: exact answers, and what computations took.

Promised: where a folder was given, the next service knows what the last one knew, killed or not, to the byte.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx2
import pytest
from tests.faults.scene import FBA, client_of, took
from tests.server.stores import place_of

from bioxen.server.supervisor import ServiceProcess, Supervisor

pytestmark = pytest.mark.faults
JOB = {"process_code": "metabolic_robustness", "reaction": "EX_o2_e", "points": 21}


def killed_and_started(service: ServiceProcess) -> None:
    assert service.process is not None
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait()
    service.start()


def asked(services: Supervisor) -> httpx2.Response:
    return httpx2.post(services.url + "/compute/metabolic", json=FBA, timeout=60, trust_env=False)


def test_answers_and_estimates_are_known_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOXEN_HOME", str(tmp_path / "home"))
    with Supervisor(
        compute_arguments=["--workers", "1", "--cache-dir", str(tmp_path / "answers")],
        orchestrator_arguments=["--store", place_of(tmp_path / "store")],
    ) as services:
        first = asked(services)
        assert (first.status_code, first.headers["cache-status"]) == (200, "bioxen; fwd=miss")
        client = client_of(services)
        assert client.jobs.estimate(JOB).basis == "assumed"
        assert client.jobs.wait(client.jobs.submit(JOB).job_id, timeout=200).state == "done"
        known = client.jobs.estimate(JOB)
        assert known.basis == "measured"
        for service in (services.services[0], services.services[-1]):
            killed_and_started(service)
        took(lambda: _answers(services))
        second = asked(services)
        assert (second.content, second.headers["cache-status"]) == (first.content, "bioxen; hit")
        assert client.jobs.estimate(JOB) == known
        client.close()


def _answers(services: Supervisor) -> bool:
    try:
        return asked(services).status_code == 200
    except httpx2.TransportError:
        return False
