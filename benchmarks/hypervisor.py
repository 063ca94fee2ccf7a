"""Measures cells that an orchestrator keeps: bytes each; creates, forks and runs per second by their number.

An orchestrator with a store of its own and one metabolic worker run on this machine, asked over HTTP. Each
size starts from an empty store. The rival is one COBRApy model object a cell, in process, measured on a few.

    python benchmarks/hypervisor.py [SIZE ...]
"""

from __future__ import annotations

import contextlib
import gc
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import cobra
import psutil
from cobra.io import load_model

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.cells import Delta, VmConfig, VmSpec
from bioxen.protocol.lineage import ForkSpec
from bioxen.server.supervisor import Supervisor
from bioxen.vm.factory import create_bio_vm

SIZES = (1_000, 10_000, 100_000)
SINGLE = 300
"""Requests for one cell each."""
CLIENTS = 8
COPIES = {"textbook": 20, "iJO1366": 3}
LIVE = 100_000


def main() -> None:
    """Print everything as Markdown tables."""
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    print(f"COBRApy {cobra.__version__}, {os.cpu_count()} cores\n")
    live_cells()
    model_objects()
    print("Private memory of the orchestrator after a population's run, and after a restart:\n")
    print("| cells | bytes kept a cell | forks: bytes a cell | memory, MB | restarted, MB | restart, s |")
    print("|---" * 6 + "|")
    rates: list[str] = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            rates.append(kept_cells(size, Path(folder)))
    print("\nPer second, over HTTP:\n")
    print(
        "| cells | create, bulk | fork, bulk | start, bulk | destroy, bulk | create, single | … 8 clients |",
        end="",
    )
    print(" fork, single | page of 100 | FBA, single | FBA, population |")
    print("|---" * 11 + "|")
    print("\n".join(rates))


def live_cells() -> None:
    """Print what a cell object weighs in the Python process that made it."""
    gc.collect()
    before = private(os.getpid())
    kept = [create_bio_vm(f"c{number}", "ecoli", "lightweight") for number in range(LIVE)]
    grown = private(os.getpid()) - before
    print(f"A live cell in Python: {grown / len(kept):.0f} bytes with its name ({LIVE:,} made).\n")


def model_objects() -> None:
    """Print what one COBRApy model object a cell weighs, read from its file and copied."""
    print(
        "| one COBRApy model object a cell | MB, read | MB, copied | copies per second |\n|---|---|---|---|"
    )
    for name, copies in COPIES.items():
        load_model(name)  # what is imported on the way is no part of a model
        gc.collect()
        before = private(os.getpid())
        read = [load_model(name) for _ in range(copies)]
        weight = (private(os.getpid()) - before) / copies / 1e6
        model = read[0]
        gc.collect()
        before, start = private(os.getpid()), time.perf_counter()
        kept = [model.copy() for _ in range(copies)]
        seconds = time.perf_counter() - start
        copied = (private(os.getpid()) - before) / copies / 1e6
        print(f"| {name} | {weight:.1f} | {copied:.1f} | {len(kept) / seconds:.2f} |")
        del kept, read
    print()


def kept_cells(size: int, folder: Path) -> str:
    """Print what `size` cells take, and return what can be done with them in a second."""
    arguments = ["--store", str(folder)]
    with Supervisor(
        compute_arguments=["--workers", "1", "--cache-mb", "0"], orchestrator_arguments=arguments
    ) as services:
        client = BiologicalComputationClient(services.url, services.url, services.url, timeout=600)
        cells, half = client.cells, size // 2
        empty = on_disk(folder)
        specs = [
            VmSpec(vm_id=f"c{number:06}", biological_type="ecoli", config=VmConfig(delta=edits(number)))
            for number in range(half)
        ]
        create = timed(lambda: cells.create_many(specs))
        created = on_disk(folder)
        forks = [
            ForkSpec(vm_id=f"f{number:06}", changes=edits(size + number)) for number in range(size - half)
        ]
        fork = timed(lambda: cells.fork_many("c000000", forks))
        forked = on_disk(folder)
        names = [spec.vm_id for spec in specs] + [spec.vm_id for spec in forks]
        start = timed(lambda: cells.act_many(names, "start"))
        alone = per_second(lambda number: cells.create(f"s{number:06}", "ecoli"), SINGLE)
        fork_alone = per_second(lambda number: cells.fork("c000000", f"t{number:06}"), SINGLE)
        page = per_second(lambda number: cells.page(after=names[number * size // SINGLE], limit=100), SINGLE)
        with ThreadPoolExecutor(CLIENTS) as threads:
            began = time.perf_counter()
            list(threads.map(lambda number: cells.create(f"u{number:06}", "ecoli"), range(SINGLE)))
            together = SINGLE / (time.perf_counter() - began)
        run = per_second(lambda number: cells.run(names[number * size // SINGLE], "metabolic_fba"), SINGLE)
        began = time.perf_counter()
        job = cells.run_many(names, "metabolic_fba")
        assert client.jobs.wait(job.job_id).state == "done"
        population = size / (time.perf_counter() - began)
        orchestrator = services.services[-1]
        assert orchestrator.process is not None
        memory = private(orchestrator.process.pid) / 1e6
        orchestrator.process.kill()
        orchestrator.process.wait()
        began = time.perf_counter()
        orchestrator.start()
        cells.get(names[-1])
        restart = time.perf_counter() - began
        resting = private(orchestrator.process.pid) / 1e6
        destroy = timed(lambda: cells.act_many(names, "destroy"))
        client.close()
    print(
        f"| {size:,} | {(created - empty) / half:.0f} | {(forked - created) / (size - half):.0f} "
        f"| {memory:.0f} | {resting:.0f} | {restart:.2f} |",
        flush=True,
    )
    bulk = [half / create, (size - half) / fork, size / start, size / destroy]
    figures = [*bulk, alone, together, fork_alone, page, run, population]
    return f"| {size:,} | " + " | ".join(f"{figure:,.0f}" for figure in figures) + " |"


def edits(number: int) -> Delta:
    """Return edits that no other cell has."""
    return Delta(gene_knockouts=["b2276"], constraints={"EX_glc__D_e": (-10.0 - number / 1e6, 1000.0)})


def timed(call: Callable[[], object]) -> float:
    """Return how long a call takes, s."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def per_second(call: Callable[[int], object], times: int) -> float:
    """Return how many of these calls go in a second, one after the other, by their median."""
    return 1 / median(timed(partial(call, number)) for number in range(times))


def private(pid: int) -> int:
    """Return a process's memory that it shares with no other, bytes."""
    return int(psutil.Process(pid).memory_full_info().uss)


def on_disk(folder: Path) -> int:
    """Return the bytes of a store's database, its log taken in."""
    path = folder / "bioxen.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return path.stat().st_size


if __name__ == "__main__":
    main()
