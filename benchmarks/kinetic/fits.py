"""Fits from several starts: in lanes beside the same fit on libRoadRunner."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from benchmarks.kinetic.models import GENE, REPRESSILATOR, sbml_of
from benchmarks.kinetic.turns import DATA, in_turns

from bioxen.protocol.kinetic import KineticRequest, KineticResult
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.petab import read

ROUNDS = 3
STARTS = 16
BOEHM = "Boehm_JProteomeRes2014"
RANGES: dict[str, tuple[str, Mapping[str, tuple[float, float]]]] = {
    "gene expression": (GENE, {"km": (0.01, 10), "gm": (0.01, 10), "kp": (0.01, 100), "gp": (0.001, 10)}),
    "repressilator": (REPRESSILATOR, {"a": (3, 300), "K": (4, 400), "n": (1, 4), "kp": (0.01, 1)}),
}


def fits() -> None:
    """Print a line for each fit."""
    engine = KineticEngine()
    for name, (text, ranges) in RANGES.items():
        program = _program(engine, sbml_of(text))
        _beside(f"fit of {name}", engine, program, _estimation(engine, program, ranges))
    problem = read(DATA / "petab" / BOEHM / f"{BOEHM}.yaml", fit=True, starts=STARTS)
    _beside("Boehm, PEtab", engine, _program(engine, problem.kinetic_code or ""), problem)


def _program(engine: KineticEngine, sbml: str) -> Program:
    return engine.compile(ModelSource(sbml, "sbml", digest_of(sbml)))


def _estimation(
    engine: KineticEngine, program: Program, ranges: Mapping[str, tuple[float, float]]
) -> KineticRequest:
    """Return a fit to the model's own course, with noise of five per cent."""
    course = engine.run(engine.parse({"time_end": 60.0, "time_points": 31}), program)
    assert course.species_trajectories is not None
    noise = np.random.default_rng(1)
    measured = {
        name: (np.array(values, dtype=float) * (1 + 0.05 * noise.standard_normal(31))).tolist()
        for name, values in course.species_trajectories.items()
    }
    payload: dict[str, Any] = {
        "process_code": "kinetic_parameter_estimation",
        "measured_times": course.time_vector,
        "measurements": measured,
        "estimate": {name: {"lower": low, "upper": high} for name, (low, high) in ranges.items()},
        "starts": STARTS,
    }
    return engine.parse(payload)


def _beside(name: str, engine: KineticEngine, program: Program, request: KineticRequest) -> None:
    ways = {way: request.model_copy(update={"engine": way}) for way in ("lanes", "libroadrunner")}
    found = {way: engine.run(own, program) for way, own in ways.items()}
    took = in_turns({way: (partial(engine.run, own, program), 1) for way, own in ways.items()}, ROUNDS)
    ours, theirs = took["lanes"], took["libroadrunner"]
    apart = found["lanes"].provenance.settings["audit_largest_relative"]
    print(
        f"{name:28} {STARTS} starts: lanes {ours:7.3f} s  libRoadRunner {theirs:7.3f} s  "
        f"{theirs / ours:6.1f}x  "
        f"optimum {_optimum(found['lanes'])} / {_optimum(found['libroadrunner'])}, courses {apart:.1e} apart"
    )


def _optimum(result: KineticResult) -> str:
    if result.petab is not None:
        return f"log-likelihood {result.petab.log_likelihood:.6f}"
    assert result.estimation is not None
    return f"sum of squares {result.estimation.sum_of_squares:.8g}"
