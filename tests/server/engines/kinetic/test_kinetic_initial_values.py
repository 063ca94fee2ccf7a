"""Initial values, as COPASI's users do it: estimated like parameters, and varied in sensitivities."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.server.engines.kinetic.models import run

from bioxen.errors import UnknownIdentifierError, ValidationError
from bioxen.server.engines.kinetic import KineticEngine

MODEL = "compartment c = 2; species A in c; A = 1; J: A => ; k*A*c; k = 0.1"
"""[A] = a·exp(-k·t), and A is an amount of 2a."""
TIMES = [1.0, 2.0, 5.0, 10.0]
RANGE = {"lower": 0.5, "upper": 50.0}


def decayed(start: float, rate: float) -> list[float]:
    return [start * math.exp(-rate * time) for time in TIMES]


@pytest.mark.parametrize("engine_name", ["lanes", "libroadrunner"])
@pytest.mark.parametrize(("name", "expected"), [("A", 14.0), ("[A]", 7.0)])
def test_an_initial_value_is_estimated(
    engine: KineticEngine, engine_name: str, name: str, expected: float
) -> None:
    request: dict[str, Any] = {
        "measured_times": TIMES,
        "measurements": {"[A]": decayed(7.0, 0.3)},
        "estimate": {name: RANGE, "k": {"lower": 0.01, "upper": 1.0}},
        "initial_conditions": {"A": 3.0},  # what is sought wins, under either name
        "profile": [name],
        "engine": engine_name,
    }
    found = run(engine, MODEL, "kinetic_parameter_estimation", **request).estimation
    assert found is not None and found.profiles is not None
    assert found.parameters[name].value == pytest.approx(expected, rel=1e-6)
    assert found.parameters["k"].value == pytest.approx(0.3, rel=1e-6)


def test_each_experiment_may_have_measured_one_time(engine: KineticEngine) -> None:
    """A dose and a response each: the end points of four cultures give the rate."""
    for choice in ("lanes", "libroadrunner"):
        experiments = [
            {
                "name": f"dose_{dose:g}",
                "initial_conditions": {"[A]": dose},
                "measured_times": [5.0],
                "measurements": {"[A]": [dose * math.exp(-1.5)]},
            }
            for dose in (1.0, 2.0, 5.0)
        ]
        experiments.append({"name": "at_once", "measured_times": [0.0], "measurements": {"[A]": [1.0]}})
        request: dict[str, Any] = {
            "experiments": experiments,
            "estimate": {"k": {"lower": 0.01, "upper": 1.0}},
        }
        found = run(engine, MODEL, "kinetic_parameter_estimation", engine=choice, **request).estimation
        assert found is not None
        assert found.parameters["k"].value == pytest.approx(0.3, rel=1e-6)


@pytest.mark.parametrize(
    ("estimate", "given", "place"),
    [
        ({"A": RANGE, "[A]": RANGE}, {}, "estimate.[A]"),
        ({"[A]": RANGE}, {"initial_conditions": {"A": 2.0}}, "experiments.0.initial_conditions.A"),
        ({"k": RANGE}, {"parameters": {"k": 2.0}}, "experiments.0.parameters.k"),
    ],
)
def test_what_is_sought_is_said_once(
    engine: KineticEngine, estimate: dict[str, Any], given: dict[str, Any], place: str
) -> None:
    experiment = {"name": "a", "measured_times": TIMES, "measurements": {"[A]": decayed(1.0, 1.0)}, **given}
    with pytest.raises(ValidationError) as caught:
        run(engine, MODEL, "kinetic_parameter_estimation", experiments=[experiment], estimate=estimate)
    assert caught.value.place == place and caught.value.details["remedy"]


def test_an_unknown_name_is_told(engine: KineticEngine) -> None:
    with pytest.raises(UnknownIdentifierError) as caught:
        run(
            *(engine, MODEL, "kinetic_parameter_estimation"),
            measured_times=TIMES,
            measurements={"A": decayed(1.0, 1.0)},
            estimate={"[B]": RANGE},
        )
    assert caught.value.place == "estimate.[B]"


def test_sensitivities_to_initial_values(engine: KineticEngine) -> None:
    """d[A]/d(amount) = exp(-k·t)/c; and a compartment that is changed as well takes effect before."""
    request: dict[str, Any] = {
        "sensitivity_parameters": ["A", "k"],
        "outputs": ["[A]"],
        "time_end": 10.0,
        "parameters": {"c": 4.0},
        "initial_conditions": {"[A]": 3.0},
    }
    rows = run(engine, MODEL, "kinetic_sensitivity", **request).sensitivities
    assert rows is not None
    assert rows[0].unscaled == pytest.approx(math.exp(-1.0) / 4.0, rel=1e-5)
    assert rows[0].scaled == pytest.approx(1.0, rel=1e-5)
    assert rows[1].scaled == pytest.approx(-1.0, rel=1e-5)
    rows = run(
        engine, MODEL, "kinetic_sensitivity", **(request | {"sensitivity_parameters": ["[A]"]})
    ).sensitivities
    assert rows is not None and rows[0].unscaled == pytest.approx(math.exp(-1.0), rel=1e-5)


UNDECLARED = (
    "compartment c; species S in c, P in c, Q in c; S = 10; J1: S => P; k*S; J2: P => Q; k*P; k = 0.1"
)
"""Neither P and Q nor the compartment has a value: libRoadRunner's 0 and 1, as Tellurium's users expect."""


@pytest.mark.parametrize("integrator", ["cvode_bdf", "lsoda"])
def test_what_has_no_value_begins_at_nothing(engine: KineticEngine, integrator: str) -> None:
    grid: dict[str, Any] = {"time_end": 10.0, "time_points": 2, "integrator": integrator}
    found = run(engine, UNDECLARED, **grid).species_trajectories
    assert found is not None
    assert [found[name][0] for name in ("[P]", "[Q]")] == [0.0, 0.0]
    assert found["[P]"][1] == pytest.approx(10 * math.exp(-1), rel=1e-4)


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ("ode", "lanes tsit5"),
        ("ssa", "lanes direct method"),
        ("tau_leaping", "lanes tau-leaping, epsilon 0.03"),
        ("steady_state", "lanes integration, then Newton"),
    ],
)
def test_what_has_no_value_runs_in_lanes(engine: KineticEngine, method: str, label: str) -> None:
    """A start that is no number would send every member to libRoadRunner, or end the request."""
    members = run(
        engine,
        UNDECLARED,
        "kinetic_batch",
        variants=[{}] * 4,
        method=method,
        engine="lanes",
        time_end=10.0,
        time_points=2,
    ).members
    assert members is not None
    assert members.methods == {label: 4}
