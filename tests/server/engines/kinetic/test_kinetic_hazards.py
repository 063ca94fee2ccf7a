"""What libRoadRunner does that nobody expects, where no other file of tests has it."""

from __future__ import annotations

import inspect
import math
import pkgutil
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import DECAY, plain, run, source_of

from bioxen.errors import ValidationError
from bioxen.server.engines import kinetic
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.integrate import Tolerances, integrate


def test_numpys_numbers_are_numbers(engine: KineticEngine) -> None:
    """`simulate()` refuses numpy's integers, and `setValue()` some of its floats."""
    program = engine.compile(source_of(DECAY))
    grid: Any = (np.int64(0), np.float64(2.0), np.int64(3))
    change = Change("k", np.float32(0.25))  # type: ignore[arg-type]
    table = integrate(program, [change], grid, ["[A]"], Tolerances(1e-9, 1e-12)).table
    np.testing.assert_allclose(table[:, 1], 10 * np.exp(-0.25 * table[:, 0]), rtol=1e-7)


@pytest.mark.parametrize("field", ["time_start", "time_end", "relative_tolerance"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_is_none_is_refused(engine: KineticEngine, field: str, value: float) -> None:
    """With an end of NaN libRoadRunner returns rows."""
    with pytest.raises(ValidationError) as caught:
        run(engine, DECAY, **{field: value})
    assert caught.value.place == field


def test_a_failure_leaves_nothing_to_the_next_request(engine: KineticEngine) -> None:
    text = "species A = 1; A => ; k/A; k = 0.01;"
    program = engine.compile(source_of(text))
    fine, stopped = {"time_end": 1.0, "outputs": ["A"]}, {"time_end": 10.0, "parameters": {"k": 1.0}}
    before = engine.run(engine.parse(fine), program)
    assert engine.run(engine.parse(stopped), program).status == "failed"
    after = engine.run(engine.parse(fine), program)
    assert plain(after) == plain(before)
    assert after.status == "completed"


def test_the_solvers_words_are_kept_with_the_result(
    engine: KineticEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    """CVODE warns on stdout, where a protocol may run."""
    result = run(engine, "species A = 1; A => ; 1/A;", time_end=10)
    assert capfd.readouterr() == ("", "")
    words = f"{result.message} {result.provenance.settings.get('solver_words')}"
    assert "step size" in words


def test_no_saved_state_is_ever_loaded() -> None:
    """`loadState` hangs on a blob that is cut short, so models are compiled from their text alone."""
    modules = [found.name for found in pkgutil.walk_packages(kinetic.__path__, f"{kinetic.__name__}.")]
    assert f"{kinetic.__name__}.runner" in modules
    for name in modules:
        source = inspect.getsource(import_module(name))
        assert "loadState" not in source, name


def test_a_rate_that_jumps_is_not_integrated_as_if_it_were_smooth(engine: KineticEngine) -> None:
    """With its defaults CVODE steps over this pulse and reports 0 as if it were right."""
    text = "A = 0; A' = piecewise(1, time > 50 && time < 51.5, 0);"
    asked = {"time_end": 1000.0, "time_points": 2, "outputs": ["A"]}
    assert run(engine, text, integrator="cvode_bdf", **asked).final_state == {"A": 0.0}
    assert run(engine, text, **asked).final_state == pytest.approx({"A": 1.5}, rel=1e-3)


@pytest.mark.parametrize("width", [0.5, 1e-3, 1e-5])
@pytest.mark.parametrize("solver", ["libroadrunner", "lanes"])
def test_a_pulse_shorter_than_any_step_is_found(engine: KineticEngine, width: float, solver: str) -> None:
    """Two integrators that both step over it agree, and their word would overrule lanes that are right."""
    text = f"A = 0; A' = piecewise(1, time > start && time < start + {width}, 0); start = 50;"
    request: dict[str, Any] = {"time_end": 1000.0, "time_points": 2, "outputs": ["A"]}
    axes = {"start": {"values": [70.0, 333.3]}}
    result = run(engine, text, "kinetic_scan", engine=solver, axes=axes, **request)
    assert result.members is not None and result.members.features is not None, result.message
    assert result.members.features.numbers == pytest.approx([width, width], rel=1e-3)
    assert run(engine, text, **request).final_state == pytest.approx({"A": width}, rel=1e-3)


CONVERTED = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
 <model id="m" conversionFactor="half">
  <listOfCompartments><compartment id="V" size="4" constant="true"/></listOfCompartments>
  <listOfSpecies>
   <species id="A" compartment="V" initialConcentration="10" hasOnlySubstanceUnits="false"
     boundaryCondition="false" constant="false"/>
   <species id="B" compartment="V" hasOnlySubstanceUnits="true" conversionFactor="twice"
     boundaryCondition="false" constant="false"/>
  </listOfSpecies>
  <listOfParameters>
   <parameter id="half" value="0.5" constant="true"/><parameter id="twice" value="2" constant="true"/>
   <parameter id="k" value="0.3" constant="true"/><parameter id="n" constant="true"/>
  </listOfParameters>
  <listOfInitialAssignments>
   <initialAssignment symbol="n"><math xmlns="http://www.w3.org/1998/Math/MathML">
    <apply><times/><cn>10</cn><ci>k</ci></apply></math></initialAssignment>
   <initialAssignment symbol="B"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>n</ci></math>
   </initialAssignment>
   <initialAssignment symbol="made"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>n</ci></math>
   </initialAssignment>
  </listOfInitialAssignments>
  <listOfReactions><reaction id="J" reversible="false" fast="false">
   <listOfReactants><speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>
   <listOfProducts><speciesReference id="made" species="B" constant="true"/></listOfProducts>
   <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
    <apply><times/><ci>k</ci><ci>A</ci><ci>V</ci></apply></math></kineticLaw>
  </reaction></listOfReactions>
 </model>
</sbml>"""
"""What is easily wrong in silence: conversion factors, and a stoichiometry and a start that follow k."""


@pytest.mark.parametrize("solver", ["lanes", "libroadrunner"])
def test_conversion_factors_and_computed_stoichiometries_follow_the_member(
    engine: KineticEngine, solver: str
) -> None:
    rates = [0.1, 0.2, 0.5]
    request = {
        "process_code": "kinetic_scan",
        "axes": {"k": {"values": rates}},
        "outputs": ["A", "B"],
        "time_end": 3.0,
        "engine": solver,
    }
    result = engine.run(engine.parse(request), engine.compile(source_of(CONVERTED, "sbml")))
    assert result.members is not None and result.members.features is not None, result.message
    assert {name.split()[0].lower() for name in result.members.methods} == {solver}
    got = np.array(result.members.features.numbers, dtype=float).reshape(len(rates), 2)
    k = np.array(rates)
    left = 40 * np.exp(-0.5 * k * 3)
    assert got[:, 0] == pytest.approx(left, rel=1e-5)
    assert got[:, 1] == pytest.approx(10 * k + 2 * 10 * k * (40 - left) / 0.5, rel=1e-5)
