"""A disk with no room left, as the kernel tells it: a file system in memory of 64 MiB.

Promised: what was accepted waits and goes on when there is room; what comes meanwhile is refused with BX009
(HTTP 507, Retry-After) and can be sent again; reading and computing without a job go on all the time.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.recovery import Record
from tests.faults.scene import FBA, HANGS, Scene, client_of, screen, submitted, took, truth

pytestmark = pytest.mark.faults
PARTS = 90
"""Of each of two jobs: seconds of work, of which the disk fills up in the first."""


def fill(disk: Path) -> Path:
    """Take the whole room of a disk; return the file that has it."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    return filler


def test_a_full_disk_makes_jobs_wait_and_refuses_new_ones(
    unharmed: Scene, disk: Path | None, recovery: Record
) -> None:
    """The disk fills up in the middle of two jobs, whose rows, log and results are all on it."""
    if disk is None:
        pytest.skip("a small disk can be mounted by root only")
    small = unharmed
    request = screen(PARTS)
    right = truth(small, request)
    with client_of(small.services) as client:
        jobs = [small.post("/jobs", submitted(request)).json()["job_id"] for _ in range(2)]
        took(lambda: any(client.jobs.get(job).parts_done > 0 for job in jobs))
        filler = fill(disk)
        try:
            refused = 0
            while refused < 3:  # a page or two may be free inside of the database
                fill(disk)
                answer = small.post("/jobs", submitted(screen(2)))
                if answer.status_code == 202:
                    jobs.append(answer.json()["job_id"])
                    continue
                refused += 1
                assert (answer.status_code, answer.json()["code"]) == (507, "BX009"), answer.text
                assert answer.json()["place"] == "store" and "gc" in answer.json()["remedy"]
                assert int(answer.headers["retry-after"]) >= 1
            assert any(client.jobs.get(job).state in ("running", "queued") for job in jobs[:2])
            assert small.post("/compute/metabolic", FBA).status_code == 200
            assert small.get("/ready").status_code == 200
        finally:  # other tests have their stores on it too
            filler.unlink()
        before = sum(client.jobs.get(job).parts_done for job in jobs)
        seconds = took(lambda: sum(client.jobs.get(job).parts_done for job in jobs) > before)
        ended = [client.jobs.wait(job, timeout=HANGS) for job in jobs]
        assert small.post("/jobs", submitted(screen(1))).status_code == 202
    lost = sum(job.state != "done" for job in ended)
    wrong = sum(small.get(f"/jobs/{job}/result").content != right for job in jobs[:2])
    recovery.note("full disk: next part after there is room", seconds, lost, wrong)
    assert (lost, wrong) == (0, 0), [job.error for job in ended]
