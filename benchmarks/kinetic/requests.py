"""One request on a warm model beside parsing and compiling the model for each request."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

import numpy as np
import roadrunner
from benchmarks.kinetic.models import GENE, REPRESSILATOR, chain, sbml_of
from benchmarks.kinetic.turns import in_turns

from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.program import Program

ASKED = 100
"""Warm requests of a round, for one that compiles."""
_NUMBER = count()
END, POINTS = 10.0, 101
MODELS = {"gene expression": sbml_of(GENE), "repressilator": sbml_of(REPRESSILATOR), "chain of 50": chain(50)}


def requests() -> None:
    """Print a line for each model."""
    engine = KineticEngine()
    for name, sbml in MODELS.items():
        _beside(name, sbml, engine)


def _beside(name: str, sbml: str, engine: KineticEngine) -> None:
    begin = time.process_time()
    program = engine.compile(ModelSource(sbml, "sbml", digest_of(sbml)))
    first = time.process_time() - begin
    payload = {"process_code": "kinetic_ode", "time_end": END, "time_points": POINTS}
    kept = _compiled(sbml, roadrunner.Config.LLJIT)

    def bare() -> None:
        kept.resetToOrigin()
        kept.simulate(0, END, POINTS)

    rivals = {
        "default": (lambda: _anew(sbml, roadrunner.Config.MCJIT), 1),
        "LLJIT": (lambda: _anew(sbml, roadrunner.Config.LLJIT), 1),
        "warm": (lambda: engine.run(engine.parse(payload), program), ASKED),
        "encoded": (lambda: engine.run_encoded(engine.parse(payload), program), ASKED),
        "bare": (bare, ASKED),
    }
    took = {rival: median * 1e3 for rival, median in in_turns(rivals).items()}
    print(
        f"request, {name:16} warm {took['warm']:6.3f} ms (as JSON {took['encoded']:6.3f}), "
        f"compiled anew {took['default']:7.1f} ms, {took['default'] / took['warm']:6.1f}x "
        f"(with LLJIT {took['LLJIT']:6.1f} ms, {took['LLJIT'] / took['warm']:5.1f}x)  "
        f"simulate() alone {took['bare']:6.3f} ms, first compile {first * 1e3:.0f} ms, "
        f"error {_error(engine, program, sbml):.1e}"
    )


def _compiled(sbml: str, backend: Any) -> Any:
    """Return a model that shares no code with another one: libRoadRunner shares that of equal texts."""
    roadrunner.Config.setValue(roadrunner.Config.LLVM_BACKEND, backend)
    return roadrunner.RoadRunner(f"{sbml}<!-- {next(_NUMBER)} -->")


def _anew(sbml: str, backend: Any) -> None:
    _compiled(sbml, backend).simulate(0, END, POINTS)


def _error(engine: KineticEngine, program: Program, sbml: str) -> float:
    found = engine.run(engine.parse({"process_code": "kinetic_ode", "time_end": END}), program)
    assert found.species_trajectories is not None
    exact = _compiled(sbml, roadrunner.Config.LLJIT)
    exact.integrator.relative_tolerance, exact.integrator.absolute_tolerance = 1e-12, 1e-16
    exact.timeCourseSelections = list(found.species_trajectories)
    wanted = np.array(exact.simulate(0, END, len(found.time_vector or [])))
    table = np.array(list(found.species_trajectories.values())).T
    return float((np.abs(table - wanted).max(axis=0) / np.abs(wanted).max(axis=0)).max())
