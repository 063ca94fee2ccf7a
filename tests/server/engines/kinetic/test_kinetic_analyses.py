"""Steady states, sensitivities and estimation against analysis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import DECAY, GENE_EXPRESSION, REPRESSILATOR, run, source_of
from tests.shared_data import reference, shared

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic import KineticEngine


def test_steady_state_of_gene_expression(engine: KineticEngine) -> None:
    result = run(engine, GENE_EXPRESSION, "kinetic_steady_state")
    assert result.final_state == pytest.approx({"[m]": 20.0, "[p]": 400.0}, rel=1e-9)
    assert result.steady_state is not None
    assert result.steady_state.stable is True
    assert [value.real for value in result.steady_state.eigenvalues] == pytest.approx([-0.1, -0.5], rel=1e-6)


def test_conserved_moieties_leave_no_zero_eigenvalue(engine: KineticEngine) -> None:
    result = run(engine, "species A = 8, B = 2; A -> B; 3*A - B;", "kinetic_steady_state")
    assert result.final_state == pytest.approx({"[A]": 2.5, "[B]": 7.5}, rel=1e-9)
    assert result.steady_state is not None
    assert [value.real for value in result.steady_state.eigenvalues] == pytest.approx([-4.0], rel=1e-6)


@pytest.mark.parametrize(("start", "end"), [(0.5, 0.0), (1.5, 2.0), (1.0, 1.0)])
def test_the_dynamics_choose_among_several_steady_states(
    engine: KineticEngine, start: float, end: float
) -> None:
    """x' = -x(x - 1)(x - 2): 0 and 2 are stable, 1 is not."""
    model = "x = 1; x' = -x*(x - 1)*(x - 2);"
    result = run(engine, model, "kinetic_steady_state", initial_conditions={"x": start}, outputs=["x"])
    assert result.final_state == pytest.approx({"x": end}, abs=1e-7)
    assert result.steady_state is not None
    assert result.steady_state.stable is (start != 1.0)


def test_an_oscillator_does_not_settle_and_that_is_said(engine: KineticEngine) -> None:
    result = run(engine, REPRESSILATOR, "kinetic_steady_state")
    assert "does not settle" in result.message
    assert result.steady_state is not None
    assert result.steady_state.stable is False


@pytest.mark.parametrize("start", [1.0, 1e-9, 1e9])
@pytest.mark.parametrize("rate", [1.0, 1e-3])
def test_a_model_that_dies_out_settles_to_nothing(engine: KineticEngine, start: float, rate: float) -> None:
    """What is left falls for ever by the same share, so only what there was tells when that is nothing."""
    model = "S = 1; T = 0; k = 1; S -> ; k*S; S -> T; k*S; T -> ; k*T;"
    change: dict[str, Any] = {"initial_conditions": {"S": start}, "parameters": {"k": rate}}
    alone = run(engine, model, "kinetic_steady_state", **change)
    assert "reached by time" in alone.message
    assert alone.final_state == {"[S]": 0.0, "[T]": 0.0}
    assert alone.steady_state is not None
    assert alone.steady_state.stable is True
    batch = {"variants": [{}] * 4, "method": "steady_state", "engine": "lanes"}
    members = run(engine, model, "kinetic_batch", **change, **batch).members
    assert members is not None
    assert members.methods == {"lanes integration, then Newton": 4}
    assert members.steady is not None
    assert members.steady.settled == [True] * 4
    assert members.features is not None
    assert members.features.numbers == pytest.approx([0.0] * 8, abs=1e-18 * start)


def test_what_nearly_dies_out_and_comes_back_is_no_rest(engine: KineticEngine) -> None:
    """x grows from next to nothing to 1 while S, a million million times as much, is gone at once."""
    model = "S = 1e6; x = 1e-6; S -> ; 5*S; x' = x*(1 - x);"
    assert run(engine, model, "kinetic_steady_state").final_state == pytest.approx({"[S]": 0.0, "x": 1.0})


@pytest.mark.parametrize("model", ["species A = 0; => A; 1;", "x = 0; x' = 1 + x^2;"])
def test_no_steady_state_is_no_numbers(engine: KineticEngine, model: str) -> None:
    result = run(engine, model, "kinetic_steady_state")
    assert (result.status, result.steady_state, result.final_state) == ("failed", None, None)


def test_a_driven_model_has_no_steady_state(engine: KineticEngine) -> None:
    with pytest.raises(ValidationError, match="depend on the time"):
        run(engine, "species A = 1; => A; sin(time) + 1; A => ; A;", "kinetic_steady_state")


def test_glycolysis_settles_where_newton_alone_fails(engine: KineticEngine) -> None:
    text = shared("kinetic", "biomodels", "BIOMD0000000064.xml").read_text()
    program = engine.compile(source_of(text, "sbml"))
    result = engine.run(engine.parse({"process_code": "kinetic_steady_state"}), program)
    assert result.final_state is not None
    expected = reference()["kinetic_features"]["BIOMD0000000064_ss"]["conc"]
    got = {name: result.final_state[f"[{name}]"] for name in expected if f"[{name}]" in result.final_state}
    assert got == pytest.approx({name: expected[name] for name in got}, rel=1e-8)
    assert len(got) > 10


def test_sensitivities_of_decay(engine: KineticEngine) -> None:
    result = run(engine, DECAY, "kinetic_sensitivity", time_end=2, outputs=["[A]", "k"])
    assert result.sensitivities is not None
    by_output = {row.output: row for row in result.sensitivities}
    assert by_output["[A]"].unscaled == pytest.approx(-2 * 10 * math.exp(-1), rel=1e-5)
    assert by_output["[A]"].scaled == pytest.approx(-1, rel=1e-5)
    assert by_output["k"].unscaled == pytest.approx(1, rel=1e-9)


def test_a_scaled_sensitivity_of_nothing_is_null(engine: KineticEngine) -> None:
    result = run(engine, "species A = 0; A => ; k*A; k = 1;", "kinetic_sensitivity", time_end=2)
    assert result.sensitivities is not None
    assert [(row.unscaled, row.scaled) for row in result.sensitivities] == [(0.0, None)]


def test_estimation_recovers_the_parameters(engine: KineticEngine) -> None:
    true = run(engine, GENE_EXPRESSION, time_end=20, time_points=21, relative_tolerance=1e-10)
    assert true.species_trajectories is not None
    result = run(
        engine,
        GENE_EXPRESSION,
        "kinetic_parameter_estimation",
        measured_times=true.time_vector,
        measurements=true.species_trajectories,
        estimate={
            "k1": {"lower": 1.0, "upper": 1000.0},
            "d1": {"lower": 0.01, "upper": 5.0, "start": 1.0},
            "d2": {"lower": 0.05, "upper": 0.2},
        },
        starts=3,
    )
    assert result.estimation is not None
    values = {name: estimate.value for name, estimate in result.estimation.parameters.items()}
    assert values == pytest.approx({"k1": 10.0, "d1": 0.5, "d2": 0.1}, rel=1e-4)
    assert len(result.estimation.start_costs) == 3
    assert result.provenance.settings["log_scale"] == "d1, k1"


def test_standard_error_of_a_straight_line(engine: KineticEngine) -> None:
    """x' = k through noisy points: the textbook's slope and its standard error."""
    times = [0.0, 1.0, 2.0, 3.0, 4.0]
    measured = [0.1, 1.9, 4.2, 5.8, 8.1]
    result = run(
        engine,
        "x = 0; x' = k; k = 1;",
        "parameter_estimation",
        measured_times=times,
        measurements={"x": measured},
        estimate={"k": {"lower": 0.0, "upper": 10.0}},
        starts=2,
    )
    t, y = np.array(times), np.array(measured)
    slope = (t @ y) / (t @ t)
    error = math.sqrt(((y - slope * t) ** 2).sum() / 4 / (t @ t))
    assert result.estimation is not None
    estimate = result.estimation.parameters["k"]
    assert estimate.value == pytest.approx(slope, rel=1e-6)
    assert estimate.standard_error == pytest.approx(error, rel=1e-4)


def test_a_bound_that_holds_is_said(engine: KineticEngine) -> None:
    result = run(
        engine,
        DECAY,
        "parameter_estimation",
        measured_times=[0, 1, 2, 3],
        measurements={"[A]": [10.0, None, 3.7, 2.2]},
        estimate={"k": {"lower": 1.0, "upper": 2.0}},
    )
    assert result.estimation is not None
    assert result.estimation.parameters["k"].at_bound
    assert result.estimation.parameters["k"].standard_error is None
    assert result.estimation.residuals is not None
    assert result.estimation.residuals["[A]"][1] is None
