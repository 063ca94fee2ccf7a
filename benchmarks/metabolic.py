"""Measures the metabolic engine beside COBRApy: one core each, in turns, medians; prints Markdown.

Both answer in this process, so no figure holds a round trip. What COBRApy would need for all double deletions
is extrapolated from a sample of pairs, and marked so.

    OMP_NUM_THREADS=1 python -m benchmarks.metabolic [MODEL ...]
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from itertools import combinations
from typing import Any

import cobra
import numpy as np
from benchmarks.cultures import cultures
from benchmarks.samplers import samplers
from benchmarks.shifts import shifts
from benchmarks.turns import ENGINE, Work, asking, in_turns, read, row
from cobra.flux_analysis import flux_variability_analysis, pfba, single_gene_deletion

from bioxen.server.bytecode.scan import admit
from bioxen.server.engines.metabolic.program import Program

MODELS = ("textbook", "iJO1366", "salmonella")
VARIANTS = 10_000
"""Objective-only batch; COBRApy gets a hundredth of it."""
MEDIA = 10
"""Media that FBA with fluxes is asked on in turn."""
Medium = dict[str, tuple[float, float]]
"""Exchange → bounds."""
PAIRS = 150
"""Pairs of genes that COBRApy is timed on."""


def main() -> None:
    """Print one table for each model."""
    cobra.Configuration().processes = 1
    print(
        f"COBRApy {version('cobra')} (GLPK {version('swiglpk')}, OSQP {version('osqp')}), {ENGINE.version()}"
    )
    print(f"Clarabel {version('clarabel')}, numpy {version('numpy')}, scipy {version('scipy')}")
    print(f"Python {platform.python_version()}, {platform.machine()}, one core each, interleaved, medians")
    start = time.perf_counter()
    ENGINE.warm_up()
    print(f"machine code at hand after {time.perf_counter() - start:.1f} s")
    for name in sys.argv[1:] or MODELS:
        measure(name)


def measure(name: str) -> None:
    """Print the table of one model."""
    model = read(name)
    source = admit(cobra.io.to_json(model))
    ENGINE.compile(source)
    start = time.perf_counter()
    program = ENGINE.compile(source)
    print(f"\n## {name}: {len(model.reactions)} reactions, {len(model.genes)} genes\n")
    print(f"Loaded from the store in {1e3 * (time.perf_counter() - start):.0f} ms.\n")
    print("| task | COBRApy | BioXen | ratio | repeats |\n|---|---|---|---|---|")
    small = name == "textbook"
    repeats = 15 if small else 5
    fba(model, program, 40 if small else 8)
    batch(model, program)
    row("pFBA", lambda: pfba(model), asking(program, "metabolic_pfba"), 5 if small else 3)
    row(
        "single gene deletion, all",
        lambda: single_gene_deletion(model, processes=1),
        asking(program, "metabolic_single_gene_deletion"),
        3 if small else 1,
        repeats,
    )
    for fraction in (1.0, 0.9):
        row(
            f"FVA at {fraction}",
            lambda fraction=fraction: flux_variability_analysis(  # type: ignore[misc]
                model, fraction_of_optimum=fraction, processes=1
            ),
            asking(program, "metabolic_fva", fraction_of_optimum=fraction),
            3 if small else 1,
            repeats,
        )
    doubles(model, program)
    shifts(model, program)
    cultures(model, program)
    samplers(model, program)
    print(f"\nFallbacks to HiGHS: {dict(program.fluxes.fallbacks) or 'none'}", flush=True)


def fba(model: Any, program: Program, repeats: int) -> None:
    """FBA with all fluxes on other media one after the other, as a service is asked, and without oxygen.

    Both rivals get the same media in the same order; a loop that solves one problem again and again would
    measure how cheap it is to do nothing.
    """
    oxygen = next(one.id for one in model.exchanges if one.id in ("EX_o2_e", "EX_o2(e)"))
    several = [*media_of(program, MEDIA - 1), {oxygen: (0.0, 1000.0)}]

    def solve(changed: Any, medium: Medium) -> Any:
        for name, bounds in medium.items():
            changed.reactions.get_by_id(name).bounds = bounds
        solution = changed.optimize()
        return solution.fluxes.to_dict() if solution.status == "optimal" else None

    def on_copies() -> None:
        for medium in several[:2]:
            solve(model.copy(), medium)

    def in_contexts() -> None:
        for medium in several:
            with model:
                solve(model, medium)

    asks: list[Work] = [asking(program, "metabolic_fba", constraints=medium) for medium in several]

    def without_oxygen() -> None:
        with model:
            solve(model, several[-1])

    tasks: list[tuple[str, Work, Sequence[Work], int]] = [
        ("a copy per request", on_copies, asks[:2], max(3, repeats // 8)),
        (f"{MEDIA} media in turn, `with model:`", in_contexts, asks, repeats),
        ("no oxygen again and again, `with model:`", without_oxygen, asks[-1:], repeats),
    ]
    for task, cobrapy, bioxen, times in tasks:
        slow, fast = in_turns(cobrapy, lambda bioxen=bioxen: [ask() for ask in bioxen], times, repeats)  # type: ignore[misc]
        print(
            f"| FBA with fluxes; {task} | {each(slow, len(bioxen))} | {each(fast, len(bioxen))} "
            f"| {slow / fast:.0f} | {times}, {repeats} |"
        )


def each(seconds: float, count: int) -> str:
    """Return one request's share of the time of several."""
    return f"{1e3 * seconds / count:.3g} ms"


def media_of(program: Program, count: int) -> list[Medium]:
    """Return media that differ in three random exchanges each."""
    rng = np.random.default_rng(1)
    names, exchanges = program.network.reactions, program.network.exchanges
    return [
        {names[one]: (-float(rng.uniform(0, 15)), 1000.0) for one in rng.choice(exchanges, 3)}
        for _ in range(count)
    ]


def batch(model: Any, program: Program) -> None:
    """Objectives alone of many media."""
    media = media_of(program, VARIANTS)
    ask = asking(program, "metabolic_batch", variants=[{"constraints": medium} for medium in media])

    def cobrapy() -> None:
        for medium in media[: VARIANTS // 100]:
            with model:
                for name, bounds in medium.items():
                    model.reactions.get_by_id(name).bounds = bounds
                model.slim_optimize()

    slow, fast = in_turns(cobrapy, ask, 1, 1)
    slow *= 100
    print(
        f"| {VARIANTS} media, objective only | {VARIANTS / slow:.0f}/s (of 100) | {VARIANTS / fast:.0f}/s "
        f"| {slow / fast:.0f} | 1 |"
    )


def doubles(model: Any, program: Program) -> None:
    """All pairs of genes; COBRApy's time is extrapolated from a sample of pairs."""
    genes = program.network.genes
    ask = asking(program, "metabolic_double_gene_deletion")
    every = list(combinations(genes, 2))
    pairs = [every[number] for number in np.random.default_rng(1).choice(len(every), PAIRS, replace=False)]

    def sample() -> None:
        for one, two in pairs:
            with model:
                model.genes.get_by_id(one).knock_out()
                model.genes.get_by_id(two).knock_out()
                model.slim_optimize()

    start = time.perf_counter()
    sample()
    pair = (time.perf_counter() - start) / PAIRS
    count = len(genes) * (len(genes) + 1) // 2
    start = time.perf_counter()
    ask()
    fast = time.perf_counter() - start
    print(
        f"| double gene deletion, {count} pairs | {pair * count:.0f} s (extrapolated from {PAIRS} pairs) "
        f"| {fast:.2f} s | {pair * count / fast:.0f} | 1 |"
    )


if __name__ == "__main__":
    main()
