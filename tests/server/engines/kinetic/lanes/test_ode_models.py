"""The integrators on whole models: COPASI's and libRoadRunner's trajectories, and the SBML Test Suite."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from tests.sbml_suite import read_time_course, sbml_of
from tests.server.engines.kinetic.lanes.test_lanes_sbml_suite import cases
from tests.server.engines.kinetic.models import source_of
from tests.shared_data import DIRECTORY, shared

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.ode.integrate import Method, integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.loader import load
from bioxen.server.engines.kinetic.noise import Noise
from bioxen.server.engines.kinetic.runner import Runner

FOLDER = DIRECTORY / "kinetic" / "biomodels"
MODELS = sorted(path.stem for path in FOLDER.glob("*.xml")) if FOLDER.exists() else ["absent"]
METHODS: tuple[Method, ...] = ("tsit5", "rodas5p")
STIFF = {"BIOMD0000000005", "BIOMD0000000035", "BIOMD0000000051", "BIOMD0000000061", "BIOMD0000000064"} | {
    "BIOMD0000000205"
}


def course(
    program: LaneProgram, names: list[str], times: np.ndarray, method: Method, **options: float
) -> np.ndarray:
    """Return [points][names] of the model with its own numbers."""
    states, parameters = program.initial_values({})
    start = min(0.0, float(times[0]))
    run = integrate(program, states, parameters, times, method=method, start=start, **options)  # type: ignore[arg-type]
    assert run.status.tolist() == [0]
    values = parameters if run.parameters is None else run.parameters[0]
    return evaluate(program.observer(names), times, run.values[0], values, len(names))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS)
def test_copasi(model: str, method: Method) -> None:
    if method == "tsit5" and model in STIFF:
        pytest.skip("stiff: Tsit5 takes too many steps, and says so")
    with shared("kinetic", "ref_copasi", f"{model}.csv").open() as file:
        header, *rows = csv.reader(file)
    table = np.array(rows, dtype=float)
    program = build(shared("kinetic", "biomodels", f"{model}.xml").read_text())
    names = [f"[{name}]" if f"[{name}]" in program.selections else name for name in header[1:]]
    got = course(program, names, table[:, 0], method, rtol=1e-9, atol=1e-14)
    size = np.abs(table[:, 1:]).max(axis=0) + 1e-12
    assert (np.abs(got - table[:, 1:]) <= 1e-4 * size).all()


@pytest.mark.parametrize("model", MODELS)
def test_libroadrunner(model: str) -> None:
    sbml = shared("kinetic", "biomodels", f"{model}.xml").read_text()
    program = build(sbml)
    names = [name for name in program.selections if name in program.states]
    runner = Runner(load(source_of(sbml, "sbml")).sbml, Noise())
    runner.reset()
    runner.use_cvode(relative_tolerance=1e-12, absolute_tolerance=1e-16, maximum_num_steps=1_000_000)
    want = runner.grid(0.0, 10.0, 51, names)[:, 1:]
    got = course(program, names, np.linspace(0, 10, 51), "rodas5p", rtol=1e-10, atol=1e-15)
    size = np.abs(want).max(axis=0) + 1e-12
    assert np.abs((got - want) / size).max() < 1e-6


@pytest.mark.parametrize("case", cases() or ["absent"])
def test_suite(case: str) -> None:
    """Every course that the lanes run is right, by either method."""
    asked = read_time_course(shared("sbml-test-suite", "cases", "semantic", case))
    try:
        loaded = load(source_of(asked.sbml, "sbml"))
        if loaded.facts.beyond_roadrunner:
            return  # nothing could audit the lanes, so such models never come to them
        program = build(loaded.sbml)
    except (Uncovered, InvalidModelError):
        return  # refused by name: tested with the compiler
    times = np.linspace(asked.start, asked.end, asked.points)
    for method in METHODS:
        assert asked.wrong(course(program, asked.outputs, times, method, rtol=1e-7, atol=1e-11)) is None


def test_the_suite_is_covered() -> None:
    """Most cases run in lanes: a change must not silently refuse more."""
    folder = Path(shared("sbml-test-suite", "cases", "semantic"))
    covered = 0
    names = cases()
    for case in names:
        try:
            loaded = load(source_of(sbml_of(folder / case), "sbml"))
            build(loaded.sbml)
        except (Uncovered, InvalidModelError):
            continue
        covered += not loaded.facts.beyond_roadrunner
    assert covered >= 535
