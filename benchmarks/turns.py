"""Two rivals in turns on one model, medians of their times, one row of a table."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import cobra

from bioxen.server.engines.metabolic import MetabolicEngine
from bioxen.server.engines.metabolic.program import Program

ENGINE = MetabolicEngine()
Work = Callable[[], Any]


def read(name: str) -> Any:
    """Return a model of COBRApy's own package."""
    spec = importlib.util.find_spec("cobra")
    assert spec is not None and spec.origin is not None
    return cobra.io.read_sbml_model(str(Path(spec.origin).parent / "data" / f"{name}.xml.gz"))


def asking(program: Program, code: str, **fields: Any) -> Work:
    """Return the engine's work on one request, from its typed form to its result."""
    request = ENGINE.parse({"process_code": code, **fields})
    return lambda: ENGINE.run(request, program)


def row(task: str, slow: Work, fast: Work, repeats: int, fast_repeats: int | None = None) -> None:
    """Print one row."""
    cobrapy, bioxen = in_turns(slow, fast, repeats, fast_repeats or repeats)
    print(
        f"| {task} | {1e3 * cobrapy:.4g} ms | {1e3 * bioxen:.4g} ms | {cobrapy / bioxen:.0f} "
        f"| {repeats}, {fast_repeats or repeats} |",
        flush=True,
    )


def in_turns(slow: Work, fast: Work, slow_repeats: int, fast_repeats: int) -> tuple[float, float]:
    """Return the median seconds of both, each having had a turn before the clock started."""
    fast()
    if slow_repeats > 1:
        slow()
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(max(slow_repeats, fast_repeats)):
        for work, count, own in ((slow, slow_repeats, times[0]), (fast, fast_repeats, times[1])):
            if number < count:
                start = time.perf_counter()
                work()
                own.append(time.perf_counter() - start)
    return median(times[0]), median(times[1])


def timed(work: Work) -> tuple[float, Any]:
    """Return the seconds that `work` takes, and what it returns."""
    start = time.perf_counter()
    found = work()
    return time.perf_counter() - start, found
