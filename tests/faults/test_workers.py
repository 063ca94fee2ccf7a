"""Faults of single workers, seen from outside: whoever asks gets the right answer or a clear fault.

Promised: a worker's death costs the requests it computed one more try, and nobody else anything; what takes
too long or too much is stopped at its limit with a code that says so; all workers are back at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.faults.recovery import Record
from tests.faults.scene import ENDLESS, FBA, FULL, GROWTH, HUNGRY, Scene, took

pytestmark = pytest.mark.faults
TURNS = 20 if FULL else 3


class Crowd(threading.Thread):
    """Asks for the core model's growth without a pause, and keeps what it is told."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene, self.ended, self.answers = scene, threading.Event(), list[tuple[int, Any]]()

    def run(self) -> None:
        while not self.ended.is_set():
            answer = self.scene.post("/compute/metabolic", FBA)
            self.answers.append((answer.status_code, answer.json()))

    def __enter__(self) -> Crowd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join()

    @property
    def refused(self) -> list[Any]:
        """The faults it was told."""
        return [body for status, body in self.answers if status != 200]

    @property
    def wrong(self) -> int:
        """How many answers were not the right one."""
        given = [body for status, body in self.answers if status == 200]
        return sum(abs(body["optimal_objective"] - GROWTH) > 1e-9 for body in given)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_worker_that_dies_costs_nobody_an_answer(
    unharmed: Scene, recovery: Record, number: signal.Signals
) -> None:
    """The signal comes again and again, but not twice to one request: each is answered rightly."""
    slowest = 0.0
    with Crowd(unharmed) as crowd:
        for _ in range(TURNS):
            victim = unharmed.workers("metabolic")[0]
            os.kill(victim.pid, number)
            start = time.monotonic()
            psutil.wait_procs([victim], timeout=20)
            unharmed.until_healthy_of("metabolic")
            slowest = max(slowest, time.monotonic() - start)
            before = len(crowd.answers)
            took(lambda before=before: len(crowd.answers) > before + 2)  # type: ignore[misc]
    recovery.note(f"worker: {number.name}", slowest, wrong=crowd.wrong)
    assert (crowd.wrong, crowd.refused) == (0, [])


def test_the_kernels_choice_when_memory_runs_out_is_a_worker(unharmed: Scene) -> None:
    """Workers stand first in the kernel's order of victims; its SIGKILL is then one as above."""
    server = unharmed.service("metabolic").process
    assert server is not None
    scores = [_score(one.pid) for one in unharmed.workers("metabolic")]
    assert min(scores) > _score(server.pid)


def _score(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def test_a_computation_that_outgrows_its_worker_is_stopped(unharmed: Scene, recovery: Record) -> None:
    """A formula of a million terms: BX009, HTTP 507, and the worker is replaced."""
    with Crowd(unharmed) as crowd:
        answer = unharmed.post("/compute/kinetic", HUNGRY)
        assert (answer.status_code, answer.json()["code"]) == (507, "BX009"), answer.text[:500]
        seconds = unharmed.until_healthy_of("kinetic")
    recovery.note("worker: out of memory", seconds, wrong=crowd.wrong)
    assert (crowd.wrong, crowd.refused) == (0, [])


def test_an_endless_integration_is_stopped_at_its_deadline(unharmed: Scene, recovery: Record) -> None:
    """BX016, HTTP 504, when its time is up and not much later; the worker is replaced."""
    _is_stopped(unharmed, recovery, "/compute/kinetic", ENDLESS | {"deadline": 1.0}, "endless integration")


def test_an_endless_solve_is_stopped_at_its_deadline(unharmed: Scene, recovery: Record) -> None:
    """A sampling of a hundred thousand times a thousand steps, likewise."""
    body = {"process_code": "metabolic_sampling", "samples": 100_000, "thinning": 1000, "deadline": 1.0}
    _is_stopped(unharmed, recovery, "/compute/metabolic", body, "endless solve")


def _is_stopped(scene: Scene, recovery: Record, path: str, body: dict[str, Any], name: str) -> None:
    start = time.monotonic()
    answer = scene.post(path, body)
    over = time.monotonic() - start - body["deadline"]
    assert (answer.status_code, answer.json()["code"]) == (504, "BX016"), answer.text[:500]
    recovery.note(name, over + scene.until_healthy())
