"""What was answered about a cell is true after the orchestrator was killed."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import httpx2
import pytest
from tests.faults.recovery import Record
from tests.faults.scene import FULL, Scene, took

TURNS = 5 if FULL else 2


def lives(base: str, worker: int, known: dict[str, dict[str, Any]], ended: threading.Event) -> None:
    """Make cells, edit them and end some, until the server is gone; note every answer."""
    with httpx2.Client(base_url=base, timeout=30, trust_env=False) as http:
        number = 0
        while not ended.is_set():
            number += 1
            vm_id = f"w{worker}-{number:04}"
            try:
                made = http.post("/vms", json={"vm_id": vm_id, "biological_type": "ecoli"})
                known[vm_id] = made.json()
                known[vm_id] = http.post(f"/vms/{vm_id}/actions/start").json()
                edits = {"gene_knockouts": [f"b{number:04}"]}
                known[vm_id] = http.put(f"/vms/{vm_id}/delta", json=edits).json()
            except httpx2.TransportError:
                known.pop(vm_id, None)  # of this one an answer is missing
                return


@pytest.mark.faults
def test_a_killed_server_loses_no_cell_and_no_edit(unharmed: Scene, recovery: Record) -> None:
    """Killed while cells are made, edited and ended: every answer that was given stays true."""
    orchestrator = unharmed.service("orchestrator")
    known: dict[str, dict[str, Any]] = {}
    slowest = 0.0
    for turn in range(TURNS):
        ended = threading.Event()
        workers = [
            threading.Thread(target=lives, args=(unharmed.url, 4 * turn + one, known, ended))
            for one in range(4)
        ]
        for worker in workers:
            worker.start()
        took(lambda turn=turn: len(known) >= 10 * (turn + 1))  # type: ignore[misc]
        assert orchestrator.process is not None
        os.kill(orchestrator.process.pid, signal.SIGKILL)
        orchestrator.process.wait()
        ended.set()
        for worker in workers:
            worker.join()
        orchestrator.start()
        slowest = max(slowest, unharmed.until_healthy())
    told = {vm_id: unharmed.get(f"/vms/{vm_id}").json() for vm_id in known}
    wrong = sum(told[vm_id] != status for vm_id, status in known.items())
    recovery.note("orchestrator: SIGKILL under cells that change", slowest, wrong=wrong)
    assert len(known) >= 8 * TURNS
    assert told == known
