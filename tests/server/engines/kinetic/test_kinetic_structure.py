"""Control coefficients, continuation, oscillations and located events against analysis and references."""

from __future__ import annotations

import math
from typing import Any

import libsbml
import numpy as np
import pytest
import roadrunner
from tests.server.engines.kinetic.models import DECAY, DELAYED, REPRESSILATOR, run, source_of
from tests.shared_data import reference, shared

from bioxen.errors import UnknownIdentifierError, ValidationError
from bioxen.protocol.kinetic import Branch, ControlAnalysis, Oscillation
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.loader import from_antimony

CHAIN = """
species S1 = 1, S2 = 1; $X0 = 10; $X3 = 0;
J1: $X0 -> S1; e1*(2*X0 - S1); J2: S1 -> S2; e2*(1.5*S1 - S2); J3: S2 -> $X3; e3*S2;
e1 = 1; e2 = 2; e3 = 3;
"""
CYCLE = """
compartment c = 2;
species A in c, B in c, D in c; A = 3; B = 1; D = 0.5;
J1: A -> B; c*v1*A/(1 + A); J2: B -> A; c*v2*B/(0.3 + B); J3: -> D; c*0.4*B; J4: D ->; c*D^2;
v1 = 1; v2 = 1.3;
"""
"""A conserved pair in a compartment that is not 1, which drives a pathway."""
BRUSSELATOR = "species X = 1, Y = 1; => X; A; 2 X + Y => 3 X; X^2*Y; X => Y; B*X; X => ; X; A = 1; B = 1.2;"
CUBIC = "x = -2; p = -1.5; x' = p + x - x^3/3;"
TOGGLE = "species u = 10, v = 0.1; => u; a/(1 + v^2); u => ; u; => v; b/(1 + u^2); v => ; v; a = 5; b = 5;"


def control_of(engine: KineticEngine, text: str) -> ControlAnalysis:
    result = run(engine, text, "kinetic_control")
    assert result.control is not None, result.message
    return result.control


def branch_of(engine: KineticEngine, text: str, **request: Any) -> Branch:
    result = run(engine, text, "kinetic_continuation", **request)
    assert result.branch is not None, result.message
    return result.branch


# Control.


def test_flux_control_of_a_linear_chain(engine: KineticEngine) -> None:
    """J·(K2/e1 + 1/e2 + 1/e3) is what the thermodynamic drive leaves, so each term is a share of control."""
    found = control_of(engine, CHAIN)
    terms = np.array([1.5 / 1, 1 / 2, 1 / 3])
    table = np.array(found.scaled_flux_control, dtype=float)
    assert table == pytest.approx(np.tile(terms / terms.sum(), (3, 1)), rel=1e-8)
    assert found.fluxes == pytest.approx([1.5 * 2 * 10 / terms.sum()] * 3, rel=1e-9)
    assert found.summation_error < 1e-9
    assert found.connectivity_error is not None
    assert found.connectivity_error < 1e-9
    assert np.array(found.elasticities, dtype=float) == pytest.approx(
        np.array([[-1, 0], [3, -2], [0, 3]]), abs=1e-8
    )


def test_responses_are_control_times_elasticity(engine: KineticEngine) -> None:
    """Each e is proportional to one rate, so its scaled response is that reaction's control coefficient."""
    found = control_of(engine, CHAIN)
    assert found.parameters == ["e1", "e2", "e3"]
    values, fluxes = np.array([1.0, 2.0, 3.0]), np.array(found.fluxes)
    scaled = np.array(found.flux_responses, dtype=float) * values / fluxes[:, None]
    assert scaled == pytest.approx(np.array(found.scaled_flux_control, dtype=float), rel=1e-6)


def test_control_with_a_conserved_moiety_is_that_of_libroadrunner(engine: KineticEngine) -> None:
    found = control_of(engine, CYCLE)
    rival = roadrunner.RoadRunner(from_antimony(CYCLE))
    rival.conservedMoietyAnalysis = True
    rival.steadyState()
    pairs: list[tuple[Any, list[str], list[list[float | None]]]] = [
        (rival.getScaledFluxControlCoefficientMatrix(), found.reactions, found.scaled_flux_control),
        (
            rival.getScaledConcentrationControlCoefficientMatrix(),
            [name.strip("[]") for name in found.species],
            found.scaled_concentration_control,
        ),
    ]
    for theirs, rows, ours in pairs:
        order = [list(theirs.rownames).index(name) for name in rows]
        columns = [list(theirs.colnames).index(name) for name in found.reactions]
        expected = np.array(theirs)[np.ix_(order, columns)]
        assert np.array(ours, dtype=float) == pytest.approx(expected, abs=1e-4)


def test_the_connectivity_theorem_where_coefficients_are_zero(engine: KineticEngine) -> None:
    """A constant supply keeps all control of the flux: rounding in the zeros breaks no theorem."""
    found = control_of(
        engine,
        "compartment c = 2, d = 0.5; species A in c = 1, B in d = 1, E in c = 2, EA in c = 0; => A; c*0.5;"
        "A + E => EA; c*(A*E - 0.2*EA); EA => E + B; 0.8*c*EA; B => ; d*5*B/(2 + B);",
    )
    assert np.array(found.scaled_flux_control, dtype=float)[:, 0] == pytest.approx(np.ones(4))
    assert found.connectivity_error is not None
    assert found.connectivity_error < 1e-12


@pytest.mark.parametrize(
    ("model", "dead"),
    [
        ("S = 1; S -> ; 0.3*S;", [True]),
        ("S = 10; P = 0; S -> P; 0.1*S; A = 0; => A; 2; A => ; A;", [True, False, False]),
    ],
)
def test_what_died_out_has_no_control(engine: KineticEngine, model: str, dead: list[bool]) -> None:
    """Traces of 1e-60 are rounding, and so are their shares: they broke the summation theorem."""
    found = control_of(engine, model)
    assert [None in row for row in found.scaled_flux_control] == dead
    assert found.summation_error < 1e-9
    batch = {"variants": [{}] * 2, "method": "control", "engine": "lanes"}
    members = run(engine, model, "kinetic_batch", **batch).members
    assert members is not None and members.control is not None
    assert members.methods == {"lanes integration, then Newton": 2}
    assert members.control.flux_control is not None
    lanes = members.control.flux_control.numbers
    assert lanes is not None
    assert [value is None for value in lanes[: len(dead) ** 2]] == [each for each in dead for _ in dead]


def test_control_coefficients_predict_a_real_change(engine: KineticEngine) -> None:
    """The response to v1 is the slope between two steady states computed on their own."""
    found = control_of(engine, CYCLE)
    step = 1e-4
    ends = [
        run(engine, CYCLE, "kinetic_steady_state", parameters={"v1": 1 + side * step}).final_state
        for side in (1, -1)
    ]
    for row, name in enumerate(found.species):
        assert ends[0] is not None
        assert ends[1] is not None
        slope = ((ends[0][name] or 0) - (ends[1][name] or 0)) / (2 * step)
        assert found.concentration_responses[row][0] == pytest.approx(slope, rel=1e-5)


def test_control_of_a_large_model(engine: KineticEngine) -> None:
    text = shared("kinetic", "biomodels", "BIOMD0000000064.xml").read_text()
    program = engine.compile(source_of(text, "sbml"))
    result = engine.run(engine.parse({"process_code": "kinetic_control"}), program)
    assert result.control is not None
    assert result.control.summation_error < 1e-8
    expected = reference()["kinetic_features"]["BIOMD0000000064_ss"]["flux"]
    found = dict(zip(result.control.reactions, result.control.fluxes, strict=True))
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    "model",
    [
        "species S = 1; J0: => S; k*S; J1: S => ; 0.5*S; k = 1;",
        "species S = 1; J0: => S; k; J1: S => ; S/(1 + S); k = 2;",
        "species A = 1; J0: A => ; 0; k = 1;",
    ],
)
def test_no_steady_state_is_no_control(engine: KineticEngine, model: str) -> None:
    """libRoadRunner's getCC returns 0.0 for the first of these without a word."""
    result = run(engine, model, "kinetic_control")
    assert (result.status, result.control) == ("failed", None)


def test_a_model_without_reactions_has_no_control(engine: KineticEngine) -> None:
    with pytest.raises(ValidationError, match="no reactions"):
        run(engine, "x = 1; x' = -x;", "kinetic_control")


# Continuation.


def test_both_folds_of_a_cubic(engine: KineticEngine) -> None:
    """p = x³/3 − x turns at x = ∓1, p = ±2/3; between the folds the branch is unstable."""
    found = branch_of(engine, CUBIC, parameter="p", lower=-2.0, upper=2.0, outputs=["x"])
    kinds = [(point.kind, point.parameter, point.state["x"]) for point in found.special_points]
    assert [kind for kind, _, _ in kinds] == ["fold", "fold"]
    assert [value for _, value, _ in kinds] == pytest.approx([2 / 3, -2 / 3], abs=1e-9)
    assert [x for _, _, x in kinds] == pytest.approx([-1, 1], abs=1e-4)
    assert found.ended == ("range", "range")
    p, x = np.array(found.parameter_values), np.array(found.states["x"], dtype=float)
    assert p == pytest.approx(x**3 / 3 - x, abs=1e-8)
    assert (p[0], p[-1]) == (-2.0, 2.0)
    away = abs(abs(x) - 1) > 1e-3
    assert [stable for stable, counts in zip(found.stable, away, strict=True) if counts] == (
        abs(x[away]) > 1
    ).tolist()
    assert found.rightmost_real == pytest.approx(1 - x**2, abs=1e-6)


def test_the_hopf_point_of_the_brusselator(engine: KineticEngine) -> None:
    """The fixed point (A, B/A) loses its stability at B = 1 + A², with the frequency A."""
    for a in (1.0, 1.3):
        found = branch_of(engine, BRUSSELATOR, parameter="B", lower=0.5, upper=4.0, parameters={"A": a})
        (hopf,) = found.special_points
        assert hopf.kind == "hopf"
        assert hopf.parameter == pytest.approx(1 + a**2, rel=1e-6)
        assert hopf.period == pytest.approx(2 * math.pi / a, rel=1e-6)
        assert found.states["[X]"] == pytest.approx([a] * len(found.stable))
        assert found.stable[0] is True
        assert found.stable[-1] is False


def test_the_folds_of_an_asymmetric_toggle(engine: KineticEngine) -> None:
    """Where u = a/(1 + v²) and v = b/(1 + u²) touch, the product of their slopes is 1."""
    found = branch_of(engine, TOGGLE, parameter="a", lower=1.0, upper=40.0, scale="log")
    assert [point.kind for point in found.special_points] == ["fold", "fold"]
    for point in found.special_points:
        a, u, v = point.parameter, point.state["[u]"] or 0, point.state["[v]"] or 0
        assert u == pytest.approx(a / (1 + v**2), rel=1e-9)
        assert v == pytest.approx(5 / (1 + u**2), rel=1e-9)
        slope = (2 * a * v / (1 + v**2) ** 2) * (2 * 5 * u / (1 + u**2) ** 2)
        assert slope == pytest.approx(1, abs=1e-4)
    assert set(found.ended) == {"range"}


def test_the_pitchfork_of_a_symmetric_toggle_is_no_fold(engine: KineticEngine) -> None:
    """u ≠ v is born at u = v = 1, a = 2."""
    text = TOGGLE.replace("b/(1", "a/(1")
    found = branch_of(engine, text, parameter="a", lower=0.5, upper=10.0)
    (point,) = found.special_points
    assert point.kind == "branch_point"
    assert point.parameter == pytest.approx(2, abs=1e-6)


def test_a_branch_stops_where_something_would_be_negative(engine: KineticEngine) -> None:
    model = "species S = 1; => S; p - 1; S => ; S; p = 3;"
    found = branch_of(engine, model, parameter="p", lower=0.0, upper=5.0)
    assert found.ended == ("negative", "range")
    assert found.parameter_values[0] >= 1


def test_conserved_totals_stay(engine: KineticEngine) -> None:
    found = branch_of(
        engine, "species A = 8, B = 2; A -> B; k*A - B; k = 1;", parameter="k", lower=0.1, upper=9.0
    )
    a, b = (np.array(found.states[name], dtype=float) for name in ("[A]", "[B]"))
    assert a + b == pytest.approx(10)
    assert b / a == pytest.approx(np.array(found.parameter_values), rel=1e-8)


def test_what_cannot_be_moved_is_named(engine: KineticEngine) -> None:
    with pytest.raises(UnknownIdentifierError, match="no global parameter"):
        branch_of(engine, DECAY, parameter="A", lower=0.1, upper=1.0)
    with pytest.raises(ValidationError, match="begins at"):
        branch_of(engine, DECAY, parameter="k", lower=1.0, upper=2.0)


# Oscillations.


def rows_of(engine: KineticEngine, text: str, **request: Any) -> dict[str, Oscillation]:
    result = run(engine, text, "kinetic_oscillation", **request)
    assert result.oscillations is not None, result.message
    return {row.output: row for row in result.oscillations}


def published(engine: KineticEngine, number: int, periods: int) -> tuple[dict[str, Any], Oscillation]:
    """Return what is known of a model, and what is found over so many of its periods."""
    known: dict[str, Any] = reference()["kinetic_features"][f"BIOMD{number:010d}"]
    text = shared("kinetic", "biomodels", f"BIOMD{number:010d}.xml").read_text()
    request = {
        "process_code": "kinetic_oscillation",
        "time_end": periods * known["period"],
        "outputs": [known["var"]],
    }
    result = engine.run(engine.parse(request), engine.compile(source_of(text, "sbml")))
    assert result.oscillations is not None
    (row,) = result.oscillations
    assert row.kind == "sustained"
    return known, row


@pytest.mark.parametrize("number", [3, 5, 10, 12, 35])
def test_periods_of_published_oscillators(engine: KineticEngine, number: int) -> None:
    known, row = published(engine, number, 30)
    assert row.period == pytest.approx(known["period"], rel=1e-6)
    assert row.maximum == pytest.approx(known["max"], rel=1e-3)
    assert row.minimum == pytest.approx(known["min"], rel=1e-4)


def test_the_repressilator_and_the_circadian_clock_have_the_periods_of_the_literature(
    engine: KineticEngine,
) -> None:
    """In minutes and in hours: numbers of their own, so that no change of the reference goes unseen."""
    for number, period in ((12, 125.354), (35, 25.5578)):
        _, row = published(engine, number, 30)
        assert row.period == pytest.approx(period, rel=1e-5)


def test_a_cycle_that_is_reached_slowly(engine: KineticEngine) -> None:
    """Glycolysis spirals out for hundreds of periods, and the period shrinks on the way."""
    known, row = published(engine, 61, 160)
    assert row.period == pytest.approx(known["period"], rel=2e-3)


def test_a_damped_oscillator(engine: KineticEngine) -> None:
    """x'' + 2dx' + x = 0: period 2π/√(1 − d²), decrement d times the period, v a known phase ahead."""
    d = 0.05
    rows = rows_of(engine, f"x = 1; v = 0; x' = v; v' = -x - 2*{d}*v;", time_end=60.0)
    period = 2 * math.pi / math.sqrt(1 - d**2)
    for row in rows.values():
        assert row.kind == "damped"
        assert row.period == pytest.approx(period, rel=1e-8)
        assert row.damping == pytest.approx(d * period, rel=1e-5)
    ahead = math.atan2(math.sqrt(1 - d**2), -d) / (2 * math.pi)
    assert rows["v"].phase == pytest.approx(1 - ahead, abs=1e-6)


def test_a_growing_oscillator(engine: KineticEngine) -> None:
    rows = rows_of(engine, "x = 1; v = 0; x' = v; v' = -x + 0.02*v;", time_end=100.0)
    assert {row.kind for row in rows.values()} == {"growing"}


def test_the_repressilator_has_three_phases(engine: KineticEngine) -> None:
    rows = rows_of(engine, REPRESSILATOR, time_end=400.0, outputs=["pX", "pY", "pZ"])
    phases = sorted(row.phase or 0.0 for row in rows.values())
    assert phases == pytest.approx([0, 1 / 3, 2 / 3], abs=1e-6)


def test_a_coarse_first_look_is_refined(engine: KineticEngine) -> None:
    """200 points for 300 periods: fewer than one a period."""
    rows = rows_of(
        engine, "x = 1; v = 0; x' = v; v' = -x;", time_end=600 * math.pi, time_points=200, outputs=["x"]
    )
    assert rows["x"].kind == "sustained"
    assert rows["x"].period == pytest.approx(2 * math.pi, rel=1e-6)


@pytest.mark.parametrize("model", [DECAY, "species A = 3; A => ; 0;", "x = 0; x' = 1;"])
def test_what_does_not_oscillate_is_said(engine: KineticEngine, model: str) -> None:
    result = run(engine, model, "kinetic_oscillation")
    assert result.oscillations is not None
    assert {row.kind for row in result.oscillations} == {"none"}
    assert {row.period for row in result.oscillations} == {None}
    assert result.message == "Nothing oscillates after the transient."


# Events.


def test_events_are_located(engine: KineticEngine) -> None:
    model = """
    P = 1; Q = 0; x = 0; x' = 1;
    E0: at x > 2.345: P = 2; E1: at 1.5 after x > 3: Q = 1; E2: at time > 7.77: x = 0;
    """
    for _ in range(2):
        fired = run(engine, model, time_end=12.0, outputs=["x"]).event_firings
        assert fired is not None
        assert fired.event == ["E0", "E1", "E2", "E0"]
        assert fired.time == pytest.approx([2.345, 4.5, 7.77, 10.115], abs=1e-8)
        assert fired.triggered == pytest.approx([2.345, 3, 7.77, 10.115], abs=1e-8)


def test_an_event_at_the_start_fires_at_the_start(engine: KineticEngine) -> None:
    fired = run(engine, "P = 1; x = 1; x' = 1; E: at x > 0, t0 = false: P = 2;", time_start=3.0).event_firings
    assert fired is not None
    assert (fired.event, fired.time) == (["E"], [3.0])


def test_a_delay_begun_at_the_start_has_no_trigger_time(engine: KineticEngine) -> None:
    fired = run(engine, DELAYED, time_end=10.0, outputs=["P"]).event_firings
    assert fired is not None
    assert fired.event == ["E0", "E1"]
    assert fired.time == pytest.approx([2.5, 9.0], abs=1e-8)
    assert fired.triggered[0] is None


def test_a_model_without_events_has_no_column_of_them(engine: KineticEngine) -> None:
    assert run(engine, DECAY).event_firings is None


BOTH_KNOW = """
P = 1; Q = 0; R = 0; S = 0; x = 0; x' = 1; w = 1; v = 0; w' = v; v' = -w;
E0: at x > 2.345, priority = 1: P = 2;
E1: at 1.5 after x > 2.345, priority = 5: Q = 1;
E2: at x > 2.345, priority = 9: R = 1;
E3: at 0.2 after w < 0, persistent = false: S = S + 1;
E4: at 2 after w > 0, t0 = false, persistent = false: S = S + 10;
E5: at x > 9: x = 1;
"""
"""Delays, priorities, and triggers that turn false again: E3's after π, E4's before or after it is due."""


def test_both_solvers_tell_the_same_of_events(engine: KineticEngine) -> None:
    request = {"time_end": 14.0, "outputs": ["S"], "relative_tolerance": 1e-9}
    general = run(engine, BOTH_KNOW, integrator="lsoda", **request)
    fired, other = general.event_firings, run(engine, BOTH_KNOW, **request).event_firings
    assert general.provenance.settings["solver"] == "general"
    assert fired is not None and other is not None
    assert fired.event == other.event
    assert fired.time == pytest.approx(other.time, abs=1e-7)
    assert fired.triggered == pytest.approx(other.triggered, abs=1e-7)
    assert {"E3", "E4"} < set(fired.event)


def test_a_trigger_that_was_called_off_belongs_to_no_firing(engine: KineticEngine) -> None:
    """sin(t) > 0.5 holds for 2.1, less than the delay; sin(t) > -0.5, which is asked from 4 on, for 4.2."""
    model = """
    S = 0; w = 0; v = 1; w' = v; v' = -w; low = 0;
    E1: at 2.5 after w > 0.5 - low, persistent = false: S = S + 1; E2: at time > 4: low = 1;
    """
    request = {"time_end": 10.0, "outputs": ["S"], "relative_tolerance": 1e-9}
    for integrator in ("cvode_bdf", "lsoda"):
        fired = run(engine, model, integrator=integrator, **request).event_firings
        assert fired is not None
        assert fired.event == ["E2", "E1"]
        assert fired.triggered == pytest.approx([4, 2 * math.pi - math.pi / 6], abs=1e-6)
        assert fired.time == pytest.approx([4, 2.5 + 2 * math.pi - math.pi / 6], abs=1e-6)


def test_events_of_a_model_that_only_the_general_solver_runs(engine: KineticEngine) -> None:
    """y is x one time unit ago: it passes 1 at 2, and the event that follows waits for 0.5."""
    model = "x = 0; x' = 1; y := delay(x, 1); P = 0; E0: at y > 1: P = 1; E1: at 0.5 after P > 0.5: P = 2;"
    result = run(engine, model, time_end=4.0, outputs=["P"])
    fired = result.event_firings
    assert result.provenance.settings["solver"] == "general"
    assert fired is not None
    assert fired.event == ["E0", "E1"]
    assert fired.time == pytest.approx([2, 2.5], abs=1e-8)
    assert fired.triggered == pytest.approx([2, 2], abs=1e-8)


def test_the_general_solver_knows_what_was_triggered_at_the_start(engine: KineticEngine) -> None:
    fired = run(engine, DELAYED, time_end=10.0, outputs=["P"], integrator="lsoda").event_firings
    assert fired is not None
    assert fired.event == ["E0", "E1"]
    assert fired.triggered == pytest.approx([0.0, 9.0], abs=1e-8)


@pytest.mark.parametrize("integrator", ["auto", "lsoda"])
def test_an_event_without_an_id_is_told_by_its_number(engine: KineticEngine, integrator: str) -> None:
    text = from_antimony("P = 1; x = 0; x' = 1; event_2 = 5; E: at x > 1: P = 2; at x > 3: P = 3;")
    document = libsbml.readSBMLFromString(text)
    document.getModel().getEvent(1).unsetId()
    source = source_of(str(libsbml.writeSBMLToString(document)), "sbml")
    request = {"process_code": "kinetic_ode", "time_end": 4.0, "outputs": ["P"], "integrator": integrator}
    fired = engine.run(engine.parse(request), engine.compile(source)).event_firings
    assert fired is not None
    assert fired.event == ["E", "event_2_"]
    assert fired.time == pytest.approx([1, 3], abs=1e-8)


@pytest.mark.parametrize("lower", [-1.0, 0.0])
def test_a_branch_that_runs_away_has_no_folds(engine: KineticEngine, lower: float) -> None:
    """S = 1/k: near 0 the parameter moves less than a point is known to, and seemed to turn 26 times."""
    model = "S = 1; v = 1; k = 1; => S; v/k; S => ; S;"
    branch = branch_of(engine, model, parameter="k", lower=lower, upper=2.0)
    assert branch.special_points == []
    assert branch.ended == ("unbounded", "range")
    values = np.array(branch.parameter_values)
    assert np.array(branch.states["[S]"], dtype=float) == pytest.approx(1 / values, rel=1e-3)
