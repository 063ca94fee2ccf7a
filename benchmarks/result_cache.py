"""Measures what the result cache gives and what it costs: hits, misses, and the same without a cache.

Two metabolic services run beside each other, one of them without a cache. Rivals take turns within one run:
each round asks both of them for something new, and then the one with the cache for the same again.

    python -m benchmarks.result_cache [ROUNDS]
"""

from __future__ import annotations

import json
import sys
import time
from statistics import median, quantiles

from benchmarks.round_trip import BareSocket

from bioxen.server.supervisor import Supervisor

ROUNDS = 400
MODELS = ("textbook", "iJO1366")
PATH = "/compute/metabolic"


def main() -> None:
    """Print a row for each model and report."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    one_worker = ["--workers", "1", "--cache-mb"]
    with (
        Supervisor(compute_arguments=[*one_worker, "256"]) as kept,
        Supervisor(compute_arguments=[*one_worker, "0"]) as without,
    ):
        print("Milliseconds at a bare socket: median / 90th percentile.\n")
        print("| model, reported | no cache | miss | hit | hit, orchestrator |\n|---|---|---|---|---|")
        for model in MODELS:
            for report in ("objective", "fluxes"):
                rivals = {
                    "none": BareSocket(without.services[0].url),
                    "miss": BareSocket(kept.services[0].url),
                    "hit": BareSocket(kept.services[0].url),
                    "far hit": BareSocket(kept.url),
                }
                taken = in_turns(rivals, model, report, rounds)
                cells = [f"{median(one):.3f} / {quantiles(one, n=10)[8]:.3f}" for one in taken.values()]
                print(f"| {model}, {report} | {' | '.join(cells)} |")


def in_turns(rivals: dict[str, BareSocket], model: str, report: str, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of each rival; each round asks for an uptake that none asked for before."""
    taken: dict[str, list[float]] = {name: [] for name in rivals}
    for number in range(rounds + 5):
        body = json.dumps(
            {
                "process_code": "metabolic_fba",
                "model": model,
                "report": report,
                "constraints": {"EX_o2_e": [-(number / 1000), 1000.0]},
            }
        ).encode()
        for name, rival in rivals.items():
            start = time.perf_counter()
            rival.post(PATH, body)
            if number >= 5:
                taken[name].append((time.perf_counter() - start) * 1000)
    return taken


if __name__ == "__main__":
    main()
