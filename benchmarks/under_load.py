"""Measures what one owner still gets while another one floods the server, and how many jobs it takes in.

Two tokens, one server with a store, two workers: the flood hands in batches until more parts wait than the
measurement can last for; then the other owner asks for warm FBAs and hands in jobs of one part, one at a
time. The same without the flood is the measure. Before that, small jobs are handed in one after the other
and by several clients: each answer means that the job is on the disk. And one owner asks for many simulations
at once, the other for one like them: all of them wait for their answers.

    python benchmarks/under_load.py [PARTS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.metabolic import BatchRequest, Variant
from bioxen.server.orchestrator.cutting import SHARD
from bioxen.server.store.store import Store
from bioxen.server.store.tokens import create_token
from bioxen.server.supervisor import Supervisor

PARTS_WAITING = 4_000
"""Parts of the flood, a million variants of the core model."""
PARTS_A_JOB = 20
FBAS, JOBS = 1000, 15
HANDED_IN, CLIENTS = 400, 8
AT_ONCE, SINGLE = 80, 5
HEAD_START = 0.5
"""Seconds in which the many reach the server before the single one is sent."""


def batch(variants: int) -> BatchRequest:
    """Return flux balance analyses on the core model, each with its own limit on glucose."""
    return BatchRequest(
        process_code="metabolic_batch",
        variants=[
            Variant(constraints={"EX_glc__D_e": (-float(number % 20), 1000.0)}) for number in range(variants)
        ],
    )


def one_fba(client: BiologicalComputationClient) -> None:
    """Ask for one warm FBA and check the answer."""
    request = {
        "process_code": "metabolic_fba",
        "model": "textbook",
        "constraints": {"EX_o2_e": [0.0, 1000.0]},
    }
    growth = client.request_static_computation(request).optimal_objective
    assert growth is not None and abs(growth - 0.2117) < 1e-4


def one_job(client: BiologicalComputationClient) -> None:
    """Hand in a job of one part and wait for its end."""
    job = client.jobs.wait(client.jobs.submit(batch(SHARD)).job_id, timeout=300)
    assert job.state == "done", job.error


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def durable(client: BiologicalComputationClient) -> None:
    """Print how many jobs are taken in, and how many are done, in a second."""
    start = time.perf_counter()
    jobs = [client.jobs.submit(batch(1)) for _ in range(HANDED_IN)]
    alone = HANDED_IN / (time.perf_counter() - start)
    with ThreadPoolExecutor(CLIENTS) as threads:
        start = time.perf_counter()
        jobs += threads.map(lambda _: client.jobs.submit(batch(1)), range(HANDED_IN))
        together = HANDED_IN / (time.perf_counter() - start)
    for job in jobs:
        assert client.jobs.wait(job.job_id, timeout=300).state == "done"
    start = time.perf_counter()
    for job in [client.jobs.submit(batch(1)) for _ in range(HANDED_IN)]:
        client.jobs.wait(job.job_id, timeout=300)
    done = HANDED_IN / (time.perf_counter() - start)
    print(f"durable jobs per second: {alone:.0f} handed in by one client, {together:.0f} by {CLIENTS};")
    print(f"handed in and done: {done:.0f} per second\n")


def simulate(client: BiologicalComputationClient, number: int) -> float:
    """Ask for a simulation of some tenths of a second; return the moment of its answer."""
    request = {
        "process_code": "kinetic_ode",
        "kinetic_code": "S = 1; S' = sin(1e3*time)",
        "time_end": 100.0,
        "time_points": 10 + number,
    }
    assert client.request_dynamic_computation(request).status == "completed"
    return time.perf_counter()


def answers_at_once(flood: BiologicalComputationClient, ada: BiologicalComputationClient) -> None:
    """Print what a simulation takes alone and beside many of another owner, all asked for at once."""
    simulate(ada, 0)
    alone = median(seconds(partial(simulate, ada, number)) for number in range(SINGLE))
    print("| one simulation | s | run times | answers of the flood before it, of those that waited |")
    print(f"|---|---|---|---|\n| alone | {alone:.2f} | 1.0 | |")
    for single in range(SINGLE):
        with ThreadPoolExecutor(AT_ONCE) as threads:
            many = [threads.submit(simulate, flood, number) for number in range(AT_ONCE)]
            time.sleep(HEAD_START)
            start = time.perf_counter()
            end = simulate(ada, AT_ONCE + single)
            before = sum(start < moment.result() < end for moment in many)
        took = end - start
        waited = sum(moment.result() > start for moment in many)
        print(f"| beside {AT_ONCE} | {took:.2f} | {took / alone:.1f} | {before} of {waited} |")
    print()


def row(name: str, times: list[float]) -> str:
    """Return one line of the table, in ms."""
    percentiles = quantiles(times, n=100)
    figures = median(times), percentiles[98] if len(times) >= 100 else max(times), max(times)
    return f"| {name} | {len(times)} | " + " | ".join(f"{1e3 * figure:.2f}" for figure in figures) + " |"


def measure(client: BiologicalComputationClient, name: str) -> None:
    """Print what single FBAs and jobs of one part take."""
    for what, call, times in (("warm FBA", one_fba, FBAS), ("job of one part", one_job, JOBS)):
        print(row(f"{what}, {name}", [seconds(partial(call, client)) for _ in range(times)]))


def main() -> None:
    """Print everything as Markdown."""
    parts = int(sys.argv[1]) if len(sys.argv) > 1 else PARTS_WAITING
    with tempfile.TemporaryDirectory() as folder:
        store = Store.at(Path(folder)).open()
        secrets = {
            owner: store.write_now(create_token, owner, "bench", ["jobs", "compute"]).secret
            for owner in ("flood", "ada")
        }
        store.close()
        with Supervisor(
            compute_arguments=["--workers", "2", "--cache-mb", "0"],
            orchestrator_arguments=["--store", folder],
        ) as services:
            flood, ada = (
                BiologicalComputationClient(services.url, services.url, services.url, token=secrets[owner])
                for owner in ("flood", "ada")
            )
            one_fba(ada)
            durable(ada)
            answers_at_once(flood, ada)
            print("| what | times | median ms | 99 % (or worst) | worst |\n|---|---|---|---|---|")
            measure(ada, "alone")
            for _ in range(parts // PARTS_A_JOB):
                flood.jobs.submit(batch(SHARD * PARTS_A_JOB))
            measure(ada, f"beside {parts:,} parts")
            left = len(flood.jobs.list("queued", limit=1000).jobs)
            assert left, "the flood ended before the measurement did"
            print(f"\nof the flood's {parts // PARTS_A_JOB} jobs {left} had not begun at the end")
            for client in (flood, ada):
                client.close()


if __name__ == "__main__":
    main()
