"""How fast ensembles run in the CPU's lanes beside one request after the other, measured once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bioxen._version import VERSION
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.cache_folder import cache_folder

MEMBERS = 512
"""Members in lanes, in one measurement; a sixteenth of them run one after the other."""
_REPEATS = 3


@dataclass(frozen=True, slots=True)
class Crossover:
    """What a measurement found on the shipped gene expression model."""

    version: str
    single: float
    """Seconds a member takes one after the other, on libRoadRunner."""
    lanes: float
    """Seconds a member takes in lanes."""
    preparation: float
    """Seconds until a model's first members in lanes are there: making its functions, choosing the method."""

    @property
    def speed(self) -> float:
        """How many times as fast members are in lanes."""
        return self.single / self.lanes

    @property
    def members(self) -> float:
        """From how many members on the lanes are faster, their preparation counted."""
        gain = self.single - self.lanes
        return self.preparation / gain if gain > 0 else float("inf")


def crossover() -> Crossover:
    """Return the measurement of this machine: the one kept in the user's cache, else a new one."""
    folder = cache_folder("measurements")
    path = None if folder is None else folder / "ensembles.json"
    kept = None if path is None else _read(path)
    if kept is not None and kept.version == VERSION:
        return kept
    found = measured()
    if path is not None:
        with suppress(OSError):
            path.write_bytes(msgspec.json.encode(found))
    return found


def measured() -> Crossover:
    """Measure, interleaved, and return the medians."""
    from bioxen.server.engines.kinetic import KineticEngine  # late: most who ask for devices simulate nothing

    engine = KineticEngine()
    engine.warm_up()
    text = (files("bioxen.server.bytecode") / "data" / "base" / "gene_expression.ant").read_text()
    source = ModelSource(text, "antimony", digest_of(text))
    program = engine.compile(source)
    few = engine.parse(_request("lanes", 8))
    preparation = _seconds(partial(engine.run, few, program))
    times: dict[str, list[float]] = {"lanes": [], "libroadrunner": []}
    for _ in range(_REPEATS):
        for name, members in (("lanes", MEMBERS), ("libroadrunner", MEMBERS // 16)):
            request = engine.parse(_request(name, members))
            times[name].append(_seconds(partial(engine.run, request, program)) / members)
    return Crossover(VERSION, median(times["libroadrunner"]), median(times["lanes"]), preparation)


def _request(engine: str, members: int) -> dict[str, Any]:
    varied = {"kind": "lognormal", "median": 1.0, "sigma": 0.2, "relative": True}
    return {
        "process_code": "kinetic_ensemble",
        "engine": engine,
        "members": members,
        "distributions": {"k_tx": varied},
        "encoding": "base64",
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _read(path: Path) -> Crossover | None:
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes(), type=Crossover)
    return None
