"""What generated model functions cost: to make, and to call, beside libRoadRunner's.

    python benchmarks/lane_functions.py FOLDER

FOLDER holds SBML models. Code is generated without the cache, each function once. Calls run in turns with
libRoadRunner's Runge-Kutta of fixed steps, a quarter of a step counting as a call; the fastest of the turns
count, since whatever else runs on the machine can only slow a call down.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["BIOXEN_CACHE"] = ""

import numpy as np
import roadrunner

from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.hoist import Hoister
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.loader import load

_CALLS = 500
_TURNS = 20
_LOOP = """
define void @loop(ptr %t, ptr %y, ptr %p, ptr %out, i64 %n) {
entry:
  br label %again
again:
  %i = phi i64 [0, %entry], [%next, %again]
  call void @f(ptr %t, ptr %y, ptr %p, ptr %out)
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %again, label %end
end:
  ret void
}
"""


def main() -> None:
    """Print a table, a row a model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    head = (
        "model",
        "states",
        "reactions",
        "graph",
        "rates",
        "jacobian",
        "observe",
        "plain",
        "prepared",
        "rr",
        "ratio",
    )
    print(" | ".join(head))
    print("milliseconds to make; nanoseconds a call and member")
    for path in sorted(parser.parse_args().folder.glob("*.xml")):
        print(" | ".join(map(str, row(path))))


def row(path: Path) -> list[Any]:
    """Return one model's measurements."""
    text = path.read_text(encoding="utf-8")
    sbml = load(ModelSource(text, "sbml", digest_of(text))).sbml
    program, made = timed(lambda: build(sbml))
    costs = [timed(lambda name=name: getattr(program, name))[1] for name in ("rates", "jacobian", "observe")]  # type: ignore[misc]
    calls = [*runs(program), libroadrunner(sbml)]
    plain, prepared, rival = fastest(calls)
    plain, prepared = plain / program.width, prepared / program.width
    sizes = [len(program.states), len(program.reactions)]
    figures = [round(plain * 1e9, 1), round(prepared * 1e9, 1), round(rival * 1e9), round(rival / prepared)]
    return [path.stem, *sizes, *(round(cost * 1e3) for cost in (made, *costs)), *figures]


def timed(make: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `make` gives and the seconds it takes."""
    start = time.perf_counter()
    made = make()
    return made, time.perf_counter() - start


def runs(program: LaneProgram) -> list[Callable[[], float]]:
    """Return the calls of the rates as they stand and with derived parameters; each gives seconds a call."""
    system = program._system
    hoister = Hoister(system.graph, len(program.parameters), ())
    hoisted = hoister.rewrite(system.rates)
    values = program.prepared("rates").extended(program.default_parameters[None, :])[0]
    return [looped(program, nodes, values) for nodes in (system.rates, hoisted)]


def looped(program: LaneProgram, nodes: list[int], parameters: Any) -> Callable[[], float]:
    """Return a function that calls the generated code many times."""
    width = program.width
    code = Code(module(program._system.graph, nodes, width) + _LOOP, ["loop"])
    signature = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4, ctypes.c_int64)
    states = program.default_states * 1.1 + 0.01
    blocks = [aligned(np.repeat(np.asarray(each)[:, None], width, 1)) for each in ([0.0], states, parameters)]
    blocks.append(aligned(np.zeros((len(nodes) + 1, width))))

    def run() -> float:
        function = signature(code.addresses["loop"])
        pointers = [block.ctypes.data for block in blocks]
        start = time.perf_counter()
        function(*pointers, _CALLS)
        return (time.perf_counter() - start) / _CALLS

    return run


def aligned(array: Any) -> Any:
    """Return a copy that starts on a boundary of 64 bytes, as the integrators' rows do."""
    space = np.zeros(array.size + 8)
    skipped = (-space.ctypes.data % 64) // 8
    block = space[skipped : skipped + array.size].reshape(array.shape)
    block[...] = array
    return block


def libroadrunner(sbml: str) -> Callable[[], float]:
    """Return a function that runs libRoadRunner's Runge-Kutta, four calls of its right-hand side a step."""
    model = roadrunner.RoadRunner(sbml)
    model.setIntegrator("rk4")
    model.timeCourseSelections = ["time"]

    def run() -> float:
        model.reset()
        start = time.perf_counter()
        model.simulate(0.0, 1e-9, _CALLS + 1)
        return (time.perf_counter() - start) / _CALLS / 4

    return run


def fastest(calls: list[Callable[[], float]]) -> list[float]:
    """Return the least seconds of each call, taken in turns."""
    turns = [[call() for call in calls] for _ in range(_TURNS)]
    return [min(column) for column in zip(*turns, strict=True)]


if __name__ == "__main__":
    main()
