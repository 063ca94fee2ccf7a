"""Measures how long one owner's single job takes while another owner floods the server with jobs.

Two tokens, one server with a store, two workers: the flood hands in dozens of batches; then the other owner
hands in one job at a time and waits for it. The same job alone is the measure.

    python benchmarks/fairness.py [FLOOD]
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.metabolic import BatchRequest, Variant
from bioxen.server.orchestrator.sharding import SHARD
from bioxen.server.store.store import Store
from bioxen.server.store.tokens import create_token
from bioxen.server.supervisor import Supervisor

FLOOD = 60
"""Jobs of the flood, of `PARTS` parts each."""
PARTS = 20
ROUNDS = 15


def batch(parts: int) -> BatchRequest:
    """Return a batch of flux balance analyses on the core model, in so many parts."""
    variants = [
        Variant(constraints={"EX_glc__D_e": (-float(number % 20), 1000.0)}) for number in range(SHARD * parts)
    ]
    return BatchRequest(process_code="metabolic_batch", variants=variants)


def seconds_of(client: BiologicalComputationClient) -> float:
    """Return how long a job of one part takes from being handed in to being done."""
    start = time.perf_counter()
    job = client.jobs.wait(client.jobs.submit(batch(1)).job_id, timeout=300)
    assert job.state == "done", job.error
    return time.perf_counter() - start


def main() -> None:
    """Print the medians and the worst."""
    flood = int(sys.argv[1]) if len(sys.argv) > 1 else FLOOD
    with tempfile.TemporaryDirectory() as folder:
        store = Store.at(Path(folder)).open()
        secrets = {
            owner: store.write_now(create_token, owner, "bench", ["jobs"]).secret
            for owner in ("flood", "ada")
        }
        store.close()
        with Supervisor(
            compute_arguments=["--workers", "2", "--cache-mb", "0"],
            orchestrator_arguments=["--store", folder],
        ) as services:
            clients = {
                owner: BiologicalComputationClient(None, None, services.url, token=secret)
                for owner, secret in secrets.items()
            }
            seconds_of(clients["ada"])
            alone = [seconds_of(clients["ada"]) for _ in range(ROUNDS)]
            for _ in range(flood):
                clients["flood"].jobs.submit(batch(PARTS))
            beside = [seconds_of(clients["ada"]) for _ in range(ROUNDS)]
            left = len(clients["flood"].jobs.list("queued", limit=1000).jobs)
            assert left, "the flood ended before the measurement did"
            print(f"flood: {flood} jobs of {PARTS} parts, {left} not begun at the end")
            for name, taken in (("alone", alone), ("beside the flood", beside)):
                print(f"one job {name}: median {median(taken):.3f} s, worst {max(taken):.3f} s")
            print(f"ratio of the medians: {median(beside) / median(alone):.1f}")
            for client in clients.values():
                client.close()


if __name__ == "__main__":
    main()
