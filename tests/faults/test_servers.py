"""kill -9 of a computation service and of the orchestrator in the middle of several jobs.

Promised: what was accepted is finished by whoever starts next, no finished part is computed again, and the
bytes are those of an undisturbed run. A request without a job is answered or refused with BX015, never lost.
"""

from __future__ import annotations

import os
import signal
import time

import httpx2
import pytest
from tests.faults.recovery import Record
from tests.faults.scene import FULL, HANGS, Scene, client_of, screen, submitted, took, truth

pytestmark = pytest.mark.faults
PARTS = 60 if FULL else 16
JOBS = 4 if FULL else 3
KILLS = 4 if FULL else 1


@pytest.mark.parametrize("name", ["metabolic", "orchestrator"])
def test_a_killed_server_loses_no_job(unharmed: Scene, recovery: Record, name: str) -> None:
    """Killed again and again, wherever the jobs are; recovered when the next part is finished."""
    request = screen(PARTS)
    right = truth(unharmed, request)
    victim = unharmed.service(name)
    with client_of(unharmed.services) as client:
        jobs = [
            unharmed.post("/jobs", submitted(request) | {"priority": 60 - number}).json()
            for number in range(JOBS)
        ]
        slowest = 0.0
        for _ in range(KILLS):
            before = took_until_more(unharmed, -1)
            assert victim.process is not None
            os.kill(victim.process.pid, signal.SIGKILL)
            victim.process.wait()
            start = time.monotonic()
            victim.start()
            took_until_more(unharmed, before)
            slowest = max(slowest, time.monotonic() - start)
        ended = [client.jobs.wait(job["job_id"], timeout=250) for job in jobs]
    lost = sum(job.state != "done" or job.parts_done != PARTS for job in ended)
    results = [unharmed.get(f"/jobs/{job.job_id}/result").content for job in ended]
    wrong = sum(result != right for result in results)
    recovery.note(f"{name}: SIGKILL in mid-batch", slowest, lost, wrong)
    assert (lost, wrong) == (0, 0), [job.error for job in ended]


def took_until_more(scene: Scene, before: int) -> int:
    """Wait until more parts are finished than that; return how many are."""
    done = before

    def more() -> bool:
        nonlocal done
        try:
            mine = scene.get(f"/jobs?limit={JOBS}").json()["jobs"]
        except (httpx2.TransportError, KeyError):
            return False
        done = sum(job["parts_done"] for job in mine)
        return done > max(before, 0) or done == PARTS * JOBS

    took(more)
    return done


def test_a_request_without_a_job_is_answered_or_refused(unharmed: Scene, recovery: Record) -> None:
    """The service that computes it dies: 503, BX015 and Retry-After at once; then the right answer."""
    request, long = screen(40 if FULL else 16), screen(150)  # parts of it are left when the service dies
    right = truth(unharmed, request)
    victim = unharmed.service("metabolic")
    assert victim.process is not None
    with httpx2.stream(
        "POST",
        unharmed.url + "/compute/metabolic/stream",
        json=submitted(long)["request"],
        timeout=60,
        trust_env=False,
    ) as answer:
        lines = answer.iter_lines()
        assert next(lines).startswith("event: shard")
        os.kill(victim.process.pid, signal.SIGKILL)
        victim.process.wait()
        told = "\n".join(lines)
    assert "event: problem" in told and "BX015" in told
    start = time.monotonic()
    victim.start()
    while (answer := unharmed.post("/compute/metabolic", submitted(request)["request"])).status_code != 200:
        assert answer.json()["code"] == "BX015" and answer.headers["retry-after"]
        assert time.monotonic() - start < HANGS
        time.sleep(0.05)
    recovery.note(
        "metabolic: SIGKILL, next answer", time.monotonic() - start, wrong=int(answer.content != right)
    )
    assert answer.content == right
