"""Measures a warm FBA through the REST API beside COBRApy loops, and the start-up of the services.

Rivals take turns within one run, one request each, so that a noisy machine disturbs all of them alike; the
ratios are of medians. COBRApy runs in this process; BioXen in its own, with one worker a service.

    python benchmarks/round_trip.py [ROUNDS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median, quantiles
from typing import Any

import cobra
import httpx2
from cobra.io import load_model

from bioxen.server.supervisor import Supervisor

ROUNDS = 200
"""Rounds on the core model; the genome-scale model gets a tenth, since a copy of it takes so long."""
ANAEROBIC = {"EX_o2_e": [0.0, 1000.0]}
THREADS = 8


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to answer the same question: growth and every flux without oxygen."""

    name: str
    ask: Callable[[], float]


def main() -> None:
    """Print everything as Markdown tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    start = time.perf_counter()
    with Supervisor(compute_arguments=["--workers", "1"]) as services:
        print(f"start-up of the three services until healthy: {time.perf_counter() - start:.2f} s\n")
        with httpx2.Client(timeout=60, trust_env=False) as http:
            for model_id, repeats in (("textbook", rounds), ("iJO1366", max(10, rounds // 10))):
                compare(model_id, rivals(model_id, services, http), repeats)
            throughput(services)


def rivals(model_id: str, services: Supervisor, http: httpx2.Client) -> list[Rival]:
    """Return BioXen's routes and COBRApy's, for one model."""
    model = load_model(model_id)
    metabolic = services.services[0].url
    body = {"process_code": "metabolic_fba", "model": model_id, "constraints": ANAEROBIC}
    return [
        Rival("BioXen, metabolic service over REST", lambda: over_rest(http, metabolic, body)),
        Rival("BioXen, through the orchestrator", lambda: over_rest(http, services.url, body)),
        Rival(f"COBRApy {version('cobra')}, `with model:`", lambda: in_context(model)),
        Rival(f"COBRApy {version('cobra')}, copy per request", lambda: in_context(model.copy())),
    ]


def over_rest(http: httpx2.Client, url: str, body: dict[str, Any]) -> float:
    """Return growth from the service; the fluxes come with it."""
    answer = http.post(url + "/compute/metabolic", json=body).json()
    assert len(answer["flux_state"]) > 90
    return float(answer["optimal_objective"])


def in_context(model: cobra.Model) -> float:
    """Return growth as a COBRApy loop computes it, fluxes in a dict as the service gives them."""
    with model:
        model.reactions.EX_o2_e.bounds = (0, 1000)
        solution = model.optimize()
        assert len(solution.fluxes.to_dict()) > 90
        return float(solution.objective_value)


def compare(model_id: str, entrants: Sequence[Rival], rounds: int) -> None:
    """Time the rivals in turn and print a table of medians."""
    growth = [entrant.ask() for entrant in entrants]  # warms everything up
    assert max(growth) - min(growth) < 1e-6, growth
    times: dict[str, list[float]] = {entrant.name: [] for entrant in entrants}
    for _ in range(rounds):
        for entrant in entrants:
            start = time.perf_counter()
            entrant.ask()
            times[entrant.name].append((time.perf_counter() - start) * 1000)
    own = median(times[entrants[0].name])
    print(f"### {model_id}: FBA with all fluxes, anaerobic; {rounds} rounds, interleaved\n")
    print("| route | median, ms | 90th percentile, ms | times BioXen's median |\n|---|---|---|---|")
    for name, taken in times.items():
        middle, late = median(taken), quantiles(taken, n=10)[8]
        print(f"| {name} | {middle:.2f} | {late:.2f} | {middle / own:.1f} |")
    print()


def throughput(services: Supervisor) -> None:
    """Print calls per second of the core model, with several clients at once."""
    body = {"process_code": "metabolic_fba", "constraints": ANAEROBIC}
    calls = 1000

    def ask_many(count: int) -> None:
        with httpx2.Client(timeout=60, trust_env=False) as http:
            for _ in range(count):
                over_rest(http, services.services[0].url, body)

    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(ask_many, [calls // THREADS] * THREADS))
    rate = calls / (time.perf_counter() - start)
    print(f"textbook, {THREADS} clients, one worker: {rate:.0f} calls per second, clients on the same cores")


if __name__ == "__main__":
    main()
