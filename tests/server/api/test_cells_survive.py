"""What was answered about a cell is true after the orchestrator was killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.server.stores import place_of

from bioxen.server.supervisor import Supervisor


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
def test_a_killed_server_loses_no_cell_and_no_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIOXEN_HOME", str(tmp_path))
    with Supervisor(
        compute_arguments=["--workers", "1"], orchestrator_arguments=["--store", place_of(tmp_path)]
    ) as services:
        orchestrator = services.services[-1]
        known: dict[str, dict[str, Any]] = {}
        for turn in range(3):
            ended = threading.Event()
            workers = [
                threading.Thread(target=lives, args=(services.url, 4 * turn + one, known, ended))
                for one in range(4)
            ]
            for worker in workers:
                worker.start()
            while len(known) < 10 * (turn + 1):
                time.sleep(0.02)
            assert orchestrator.process is not None
            os.kill(orchestrator.process.pid, signal.SIGKILL)
            orchestrator.process.wait()
            ended.set()
            for worker in workers:
                worker.join()
            orchestrator.start()
        with httpx2.Client(base_url=services.url, timeout=30, trust_env=False) as http:
            assert len(known) >= 24
            for vm_id, status in known.items():
                assert http.get(f"/vms/{vm_id}").json() == status
