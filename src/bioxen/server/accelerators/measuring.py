"""The measurement itself: the same members each way, in turns, and whether the answers agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any, Literal

import numpy as np

from bioxen._version import VERSION
from bioxen.errors import InvalidModelError, ValidationError
from bioxen.protocol.kinetic import KineticResult
from bioxen.server.accelerators.ensembles import GPU_MEMBERS, Crossover
from bioxen.server.accelerators.profiles import KINETIC_ENSEMBLES, PROFILES
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.program import Program

MEMBERS = 512
"""Members in lanes, in one measurement; a sixteenth of them run one after the other."""
GPU_PART = 4_000
"""Members that a GPU runs, the first of a study of `GPU_MEMBERS`."""
_REPEATS = 3
Way = Literal["libroadrunner", "lanes", "gpu"]


def measured(source: ModelSource, machine: str) -> Crossover:
    """Measure, interleaved, and return the medians.

    Raises:
        InvalidModelError: the model cannot be loaded.
        ValidationError: nothing in the model can be varied.
    """
    engine = KineticEngine()
    engine.warm_up()
    program = engine.compile(source)
    ask = partial(_ask, engine, program, _varied(program))
    ways: dict[Way, int] = {"libroadrunner": MEMBERS // 16}
    preparation = 0.0
    try:
        preparation = _seconds(lambda: ask("lanes", 8))
        ways["lanes"] = MEMBERS
    except InvalidModelError as refusal:
        times = _times(ask, ways)
        return Crossover(
            VERSION,
            median(times["libroadrunner"]),
            None,
            0.0,
            why_not=str(refusal),
            program=source.digest,
            machine=machine,
        )
    start = time.perf_counter()
    why_not = _not_there(ask("gpu", 8))
    gpu_preparation, difference = time.perf_counter() - start, None
    if not why_not:
        difference, why_not = compared(ask("lanes", GPU_MEMBERS), ask("gpu", GPU_MEMBERS))
    if not why_not:
        ways["gpu"] = GPU_MEMBERS
    times = _times(ask, ways)
    return Crossover(
        VERSION,
        median(times["libroadrunner"]),
        median(times["lanes"]),
        preparation,
        gpu=median(times["gpu"]) if "gpu" in times else None,
        gpu_preparation=gpu_preparation if "gpu" in times else 0.0,
        gpu_difference=difference,
        why_not=why_not,
        program=source.digest,
        machine=machine,
    )


def _times(ask: Callable[[Way, int], object], ways: dict[Way, int]) -> dict[Way, list[float]]:
    """Return the seconds a member takes each way."""
    times: dict[Way, list[float]] = {way: [] for way in ways}
    for _ in range(_REPEATS):
        for way, members in ways.items():
            run = min(members, GPU_PART)
            times[way].append(_seconds(partial(ask, way, members)) / run)
    return times


def compared(lanes: KineticResult, gpu: KineticResult) -> tuple[float | None, str]:
    """Return how far a GPU's answer is from the lanes' (null where it has none), and why it is not taken."""
    if _not_there(gpu):
        return None, _not_there(gpu)
    if lanes.members is None or gpu.members is None:
        return None, "the study failed"
    elsewhere = {way: count for way, count in gpu.members.methods.items() if not way.startswith("gpu ")}
    if sum(elsewhere.values()) > len(gpu.members.status) // 100:
        return None, f"the GPU left members to the lanes: {max(elsewhere, key=lambda way: elsewhere[way])}"
    want, got = (_features(each) for each in (lanes, gpu))
    if (np.isnan(want) != np.isnan(got)).any():
        return None, "the GPU and the lanes did not finish the same members"
    size = np.nanmax(np.abs(want), axis=0, initial=0.0)
    gap = np.abs(want - got)
    difference = float(np.nanmax(np.divide(gap, size, out=gap.copy(), where=size > 0), initial=0.0))
    tolerance = PROFILES[KINETIC_ENSEMBLES].tolerance
    if not difference <= tolerance:
        return difference, f"the GPU's answer differs by {difference:.2g}, more than {tolerance:g}"
    return difference, ""


def _not_there(result: KineticResult) -> str:
    """Return why a study that was to run on a GPU did not, or nothing."""
    settings = result.provenance.settings
    return "" if settings.get("integrator") == "gpu" else f"GPU {settings.get('gpu', 'not used')}"


def _features(result: KineticResult) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return members × numbers; NaN for what a member has not."""
    assert result.members is not None and result.members.features is not None  # noqa: S101
    numbers = result.members.features.numbers or []
    return np.array(numbers, dtype=float).reshape(result.members.features.shape[0], -1)


def _varied(program: Program) -> str:
    """Return a parameter that a study may vary."""
    runner = program.prepare()
    for name in program.facts.free_parameters:
        if runner.get(name) > 0 and name not in program.facts.initial_targets:
            return name
    raise ValidationError(
        "The model has no positive parameter to vary.",
        details={"place": "source", "remedy": "Measure a model with a global parameter above 0."},
    )


def _ask(engine: KineticEngine, program: Program, varied: str, way: Way, members: int) -> KineticResult:
    spread = {"kind": "lognormal", "median": 1.0, "sigma": 0.2, "relative": True}
    request: dict[str, Any] = {
        "process_code": "kinetic_ensemble",
        "engine": way,
        "members": members,
        "distributions": {varied: spread},
    }
    if members > GPU_PART:
        request["part"] = {"first": 0, "count": GPU_PART}
    return engine.run(engine.parse(request), program)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
