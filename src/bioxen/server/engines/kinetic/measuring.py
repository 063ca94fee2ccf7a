"""The measurement itself: some members of a study each way, in turns, and whether the answers agree.

It has to be cheap, since somebody waits for the study's answer: it runs a few members over as much of the
time span as takes milliseconds. What it cannot shorten is the making of the model's functions.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import numpy as np

from bioxen._version import VERSION
from bioxen.errors import InvalidModelError, ValidationError
from bioxen.protocol.base import Message
from bioxen.protocol.kinetic import (
    AnyMembersRequest,
    EnsembleRequest,
    KineticBatchRequest,
    LogNormal,
    MembersRequest,
    Part,
    SampledRequest,
)
from bioxen.server.engines.crossover import (
    GPU_MEMBERS,
    GPU_PART,
    GPU_TOLERANCE,
    POINTS_AT_ONCE,
    Crossover,
    Kind,
    kind_of,
)
from bioxen.server.engines.kinetic.answer import Answer
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.kinetic.ssa import needs_lanes
from bioxen.server.engines.kinetic.study import study

_SHORT = 0.008
"""Seconds that one member should take at least, alone; more is measured over less of its time span."""
_SHARES = (1 / 512, 1 / 64, 1 / 8, 1.0)
"""Shares of a study's time span that are tried for that, one after the other."""
_AT_ONCE = 0.02
"""Seconds that a run of several members should take."""
_FIRST = 8
"""Members of the first run in lanes."""
_SMALL_BLOCK = 50
"""Members of the smallest block, each of which is audited."""
_MOST_SINGLE, _MOST_LANES = 16, 256
_REPEATS = 3
_ENOUGH = 1.0
"""Seconds of such turns after which there is no other one."""
Way = Literal["libroadrunner", "lanes", "gpu"]
_FIELDS: dict[Way, str] = {"libroadrunner": "single", "lanes": "lanes", "gpu": "gpu"}


class MeasureRequest(Message):
    """What a service asks a worker of its own before a study."""

    study: AnyMembersRequest
    gpu: bool = False
    """Whether a GPU is to be looked at."""


@dataclass(slots=True)
class _Study:
    """Some members of a study, run as the measurement likes."""

    request: MembersRequest
    program: Program
    time_end: float

    def run(self, way: Way, members: int) -> Answer:
        """Return the answer for the first members."""
        request = self.request
        first = request.members_of_part.start
        asked: dict[str, Any] = {"engine": way, "route": None, "time_end": self.time_end}
        asked |= {"features": ["final"], "encoding": "numbers", "part": Part(first=first, count=members)}
        if isinstance(request, SampledRequest):
            asked["report"] = "features"
        return study(request.model_copy(update=asked), self.program)

    def seconds(self, way: Way, members: int) -> float:
        """Return how long that takes: the processor's time, whatever else it does, where it computes."""
        clock = time.perf_counter if way == "gpu" else time.process_time
        start = clock()
        self.run(way, members)
        return clock() - start

    @property
    def there(self) -> int:
        """How many members can be run: a part of a batch comes without the variants of others."""
        request = self.request
        if isinstance(request, KineticBatchRequest):
            return len(request.members_of_part)
        return request.member_count - request.members_of_part.start


def measured(program: Program, request: MembersRequest, *, gpu: bool = False) -> Crossover:
    """Measure, interleaved, and return the medians.

    Args:
        program: the model.
        request: a study on it; its first members are run.
        gpu: whether to look at a GPU, where there is one: in an ensemble as large as one is taken for.

    Raises:
        BioXenException: the study is not possible, whoever runs it.
    """
    kind = kind_of(request)
    assert kind is not None  # noqa: S101 - nobody asks for more
    about: dict[str, Any] = {"version": VERSION, "program": program.digest, "kind": kind, "gpu_too": gpu}
    if kind == "ssa" and needs_lanes(program):
        return Crossover(**about, failed="libRoadRunner does not run it, so there is nothing to choose")
    asked = _Study(request, program, request.time_end)
    counts: dict[Way, int] = {
        "libroadrunner": _count(_shortened(asked, request), asked.there, 2, _MOST_SINGLE)
    }
    few = min(_FIRST, asked.there)
    try:
        preparation = asked.seconds("lanes", few)
    except InvalidModelError as refusal:  # one after the other it ran a moment ago
        return Crossover(**about | _medians(asked, counts), why_not=refusal.message)
    small = min(_SMALL_BLOCK, asked.there)
    counts["lanes"] = _count(asked.seconds("lanes", small) / small, asked.there, small, _MOST_LANES)
    found: dict[str, Any] = {"preparation": preparation}
    found["small_block"] = min(asked.seconds("lanes", small) for _ in range(2)) / small
    if gpu:
        large = min(GPU_PART, asked.there, POINTS_AT_ONCE // request.points)
        found |= _tried_on_gpu(asked, large)
        if not found["why_not"]:
            counts["gpu"] = large
    return Crossover(**about | found | _medians(asked, counts))


def typical(program: Program, kind: Kind = "ode") -> EnsembleRequest:
    """Return a study that stands for those of a model where nobody asked for one.

    Raises:
        ValidationError: nothing in the model can be varied.
    """
    if kind == "ssa":
        return EnsembleRequest(method="ssa", members=GPU_MEMBERS)
    spread = LogNormal(kind="lognormal", median=1.0, sigma=0.2, relative=True)
    return EnsembleRequest(members=GPU_MEMBERS, distributions={_varied(program): spread})


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


def _shortened(asked: _Study, request: MembersRequest) -> float:
    """Let `asked` end as early as one member takes long enough to measure; return the seconds it takes."""
    span, seconds = request.time_end - request.time_start, 0.0
    for number, share in enumerate(_SHARES):
        asked.time_end = request.time_start + share * span
        if number == 0:
            asked.run("libroadrunner", 1)  # the first run of all makes the model's functions
        seconds = asked.seconds("libroadrunner", 1)
        if seconds >= _SHORT:
            break
    return seconds


def _count(each: float, there: int, fewest: int, most: int) -> int:
    wanted = int(_AT_ONCE / max(each, 1e-9))
    return min(max(wanted, fewest), most, there)


def _medians(asked: _Study, counts: dict[Way, int]) -> dict[str, Any]:
    """Return the seconds a member takes each way, under the names that a crossover has for them."""
    times: dict[Way, list[float]] = {way: [] for way in counts}
    start = time.perf_counter()
    for number in range(_REPEATS):
        if number and time.perf_counter() - start > _ENOUGH:
            break
        for way, members in counts.items():
            times[way].append(asked.seconds(way, members) / members)
    return {_FIELDS[way]: median(every) for way, every in times.items()}


def _tried_on_gpu(asked: _Study, members: int) -> dict[str, Any]:
    """Return what the first members on a GPU took, and whether it agreed with the lanes."""
    start = time.perf_counter()
    why_not = _not_there(asked.run("gpu", min(_FIRST, members)))
    preparation, difference = time.perf_counter() - start, None
    if not why_not:
        difference, why_not = compared(asked.run("lanes", members), asked.run("gpu", members))
    return {
        "gpu_preparation": 0.0 if why_not else preparation,
        "gpu_difference": difference,
        "why_not": why_not,
    }


def compared(lanes: Answer, gpu: Answer) -> tuple[float | None, str]:
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
    if not difference <= GPU_TOLERANCE:
        return difference, f"the GPU's answer differs by {difference:.2g}, more than {GPU_TOLERANCE:g}"
    return difference, ""


def _not_there(answer: Answer) -> str:
    """Return why a study that was to run on a GPU did not, or nothing."""
    return (
        "" if answer.settings.get("integrator") == "gpu" else f"GPU {answer.settings.get('gpu', 'not used')}"
    )


def _features(answer: Answer) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return members × numbers; NaN for what a member has not."""
    assert answer.members is not None and answer.members.features is not None  # noqa: S101
    numbers = answer.members.features.numbers or []
    return np.array(numbers, dtype=float).reshape(answer.members.features.shape[0], -1)
