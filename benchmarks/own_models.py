"""Measures a warm FBA on a model that its owner keeps, beside one that ships, in process and over REST.

Both are the same network, asked in turns with no answer kept. A batch in parts shows what each part costs.

    python -m benchmarks.own_models [ROUNDS]
"""

from __future__ import annotations

import gzip
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import cobra

import bioxen
from bioxen.client import BiologicalComputationClient
from bioxen.server.supervisor import Supervisor

ROUNDS = 50
BATCHES = 5
MODELS = {"iJO1366": "iJO1366", "base_core": "textbook"}
"""Id of a shipped model → the file of COBRApy's that has it too."""
FBA: dict[str, Any] = {"process_code": "metabolic_fba"}
BATCH: dict[str, Any] = {
    "process_code": "metabolic_batch",
    "report": "objective",
    "variants": [{"constraints": {"EX_glc__D_e": [-1.0 - number / 100, 1000.0]}} for number in range(1000)],
}


def main() -> None:
    """Print medians, ms."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with bioxen.local(workers=1, cache_mb=0) as hypervisor:
        assert hypervisor._client is not None
        measure("in process", hypervisor._client, rounds)
    with (
        Supervisor(
            compute_arguments=["--workers", "1", "--cache-mb", "0"],
            orchestrator_arguments=["--store", "none"],
        ) as services,
        BiologicalComputationClient(services.url, services.url, services.url) as client,
    ):
        measure("over REST", client, rounds)


def measure(road: str, client: BiologicalComputationClient, rounds: int) -> None:
    """Print what requests by one road take."""
    for shipped, file in MODELS.items():
        own = f"own_{shipped}"
        packed = Path(cobra.__file__).parent / "data" / f"{file}.xml.gz"
        client.models.add(own, gzip.decompress(packed.read_bytes()).decode() + "<!-- kept by its owner -->\n")
        for what, body, times in (("FBA", FBA, rounds), ("batch of 1,000", BATCH, BATCHES)):
            taken: dict[str, list[float]] = {shipped: [], own: []}
            for number in range(times + 2):
                for name, seconds in taken.items():
                    start = time.perf_counter()
                    client.request_static_computation(body | {"model": name})
                    if number >= 2:  # warm
                        seconds.append(time.perf_counter() - start)
            told = ", ".join(f"{name} {median(seconds) * 1e3:.2f} ms" for name, seconds in taken.items())
            print(f"{road}: {what}: {told}", flush=True)


if __name__ == "__main__":
    main()
