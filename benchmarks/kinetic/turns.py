"""Rivals that take turns, and a model in both of them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import roadrunner
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.program import LaneProgram

Floats = NDArray[np.float64]
ROUNDS = 5
DATA = Path(os.environ.get("BIOXEN_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


@dataclass
class Pair:
    """One model in both."""

    program: LaneProgram
    runner: Any


def pair_of(sbml: str) -> Pair:
    """Return both, warm."""
    program = build(sbml)
    _ = program.rates, program.prepared("rates", "jacobian"), program.triggers
    return Pair(program, roadrunner.RoadRunner(sbml))


def in_turns(rivals: Mapping[str, tuple[Callable[[], Any], int]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median CPU seconds of one call of each rival, called so many times in its turn."""
    times: dict[str, list[float]] = {name: [] for name in rivals}
    for _ in range(rounds):
        for name, (work, calls) in rivals.items():
            begin = time.process_time()
            for _ in range(calls):
                work()
            times[name].append((time.process_time() - begin) / calls)
    return {name: statistics.median(each) for name, each in times.items()}


def rivals(
    ours: Callable[[], Any], theirs: Callable[[], Any], members: tuple[int, int]
) -> tuple[float, float]:
    """Return the median CPU seconds a member of each, taking turns."""
    took = in_turns({"ours": (ours, 1), "theirs": (theirs, 1)})
    return took["ours"] / members[0], took["theirs"] / members[1]


def line(name: str, ours: float, theirs: float, note: str) -> None:
    """Print one figure."""
    figures = f"ours {ours * 1e6:10.1f} us  libRoadRunner {theirs * 1e6:11.1f} us  {theirs / ours:8.1f}x"
    print(f"{name:28} {figures}  {note}")
