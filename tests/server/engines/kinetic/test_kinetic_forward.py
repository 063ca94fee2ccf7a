"""Forward sensitivity equations: closed forms, agreement with differences, refusals, the audit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import BIRTH_DEATH, REPRESSILATOR, run, source_of
from tests.shared_data import shared

from bioxen.errors import BioXenException, InvalidModelError
from bioxen.protocol.kinetic import KineticResult
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.lanes.ode import sensitivity

DECAY = "compartment C = 4; species A in C; A = 2.5; A => ; k*A*C; k = 0.5;"
DERIVED = """
compartment C = 2; species S in C; S = 4*k; R: S => ; d*S*C; q := 3*S^2;
k = 0.5; d = m/5; m = 0.5;
"""
"""[S] = 4 k exp(-d t), whatever the volume."""


def slopes(engine: KineticEngine, text: str, /, **request: Any) -> dict[tuple[str, str], float]:
    """Return (output, parameter) → derivative by the forward equations, which must have given all."""
    result = run(engine, text, "kinetic_sensitivity", **{"method": "forward", **request})
    assert result.message.endswith("by forward sensitivity equations."), result.provenance.settings
    assert result.audit is not None
    assert (result.audit.members, result.audit.refused) == (len(_parameters(result)), 0)
    return table(result)


def table(result: KineticResult) -> dict[tuple[str, str], float]:
    assert result.sensitivities is not None, result.message
    return {(row.output, row.parameter): row.unscaled for row in result.sensitivities}


def _parameters(result: KineticResult) -> set[str]:
    return {row.parameter for row in result.sensitivities or ()}


def test_decay(engine: KineticEngine) -> None:
    varied = ["k", "[A]", "C"]
    found = slopes(engine, DECAY, time_end=2, outputs=["A", "[A]", "k"], sensitivity_parameters=varied)
    left = math.exp(-1)
    expected = {
        ("A", "k"): -2 * 10 * left,
        ("[A]", "k"): -2 * 2.5 * left,
        ("k", "k"): 1.0,
        ("A", "[A]"): 4 * left,
        ("[A]", "[A]"): left,
        ("k", "[A]"): 0.0,
        ("A", "C"): 2.5 * left,  # a changed compartment keeps the declared concentration
        ("[A]", "C"): 0.0,
        ("k", "C"): 0.0,
    }
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-13)


def test_a_rate_constant_too_small_for_differences(engine: KineticEngine) -> None:
    text = "species A = 10; A => ; k*A; k = 1e-20;"
    found = slopes(engine, text, time_end=100, outputs=["A"])
    assert found == pytest.approx({("A", "k"): -1000.0}, rel=1e-9)
    differences = run(engine, text, "kinetic_sensitivity", time_end=100, outputs=["A"])
    assert table(differences)[("A", "k")] == 0.0


def test_birth_and_death(engine: KineticEngine) -> None:
    given = {"birth": 6.0, "death": 0.2}
    found = slopes(
        engine,
        BIRTH_DEATH,
        time_end=7,
        outputs=["S"],
        parameters=given,
        initial_conditions={"S": 4.0},
        sensitivity_parameters=["birth", "death", "S"],
    )
    b, d, t, left = 6.0, 0.2, 7.0, math.exp(-0.2 * 7)
    expected = {
        ("S", "birth"): (1 - left) / d,
        ("S", "death"): -b / d**2 * (1 - left) - t * (4.0 - b / d) * left,
        ("S", "S"): left,
    }
    assert found == pytest.approx(expected, rel=1e-8)


def test_the_chain_rule_from_initial_assignments_to_what_is_observed(engine: KineticEngine) -> None:
    found = slopes(
        engine,
        DERIVED,
        time_end=3,
        outputs=["S", "[S]", "q", "R", "S'"],
        sensitivity_parameters=["k", "m", "d", "C"],
    )
    k, m, volume, t = 0.5, 0.5, 2.0, 3.0
    d = m / 5
    left = 4 * k * math.exp(-d * t)
    of_concentration = {"k": left / k, "m": -t * left / 5, "d": -t * left, "C": 0.0}
    for name, slope in of_concentration.items():
        by_volume, by_d = float(name == "C"), {"m": 0.2, "d": 1.0}.get(name, 0.0)
        amount = volume * slope + by_volume * left
        flux = d * amount + by_d * volume * left
        expected = [amount, slope, 6 * left * slope, flux, -flux]
        observed = [found[(output, name)] for output in ("S", "[S]", "q", "R", "S'")]
        assert observed == pytest.approx(expected, rel=1e-8, abs=1e-12), name


def test_what_is_given_hides_what_it_replaces(engine: KineticEngine) -> None:
    request: dict[str, Any] = {"time_end": 3, "outputs": ["[S]"], "initial_conditions": {"[S]": 7.0}}
    found = slopes(engine, DERIVED, sensitivity_parameters=["k", "S"], **request)
    assert found[("[S]", "k")] == 0.0
    assert found[("[S]", "S")] == pytest.approx(math.exp(-0.3) / 2, rel=1e-8)


def test_rates_that_depend_on_the_time(engine: KineticEngine) -> None:
    text = "species A = 10; A => ; k*A*time; k = 0.3;"
    found = slopes(engine, text, time_start=1, time_end=3, outputs=["A"])
    assert found[("A", "k")] == pytest.approx(-4 * 10 * math.exp(-0.3 * 4), rel=1e-8)


def test_parameters_of_one_reaction(engine: KineticEngine) -> None:
    text = shared("kinetic", "biomodels", "BIOMD0000000005.xml").read_text()
    program = engine.compile(source_of(text, "sbml"))
    request = {
        "process_code": "kinetic_sensitivity",
        "time_end": 10,
        "outputs": ["[M]", "[YP]"],
        "sensitivity_parameters": ["Reaction2.k8notP", "Reaction8.k7", "[CP]", "cell"],
    }
    forward = engine.run(engine.parse({**request, "method": "forward"}), program)
    assert forward.provenance.settings["forward"] == "lanes rodas5p"
    _agree(forward, engine.run(engine.parse(request), program), within=1e-4)


def test_the_repressilator_as_by_differences(engine: KineticEngine) -> None:
    request: dict[str, Any] = {
        "time_end": 30,
        "outputs": ["pX", "mZ"],
        "sensitivity_parameters": ["a0", "n", "mY"],
    }
    forward = run(engine, REPRESSILATOR, "kinetic_sensitivity", **request, method="forward")
    differences = run(engine, REPRESSILATOR, "kinetic_sensitivity", **request, relative_step=1e-4)
    _agree(forward, differences, within=1e-4)
    again = run(engine, REPRESSILATOR, "kinetic_sensitivity", **request, method="forward")
    assert again.model_dump_json() == forward.model_dump_json()
    alone = run(
        engine,
        REPRESSILATOR,
        "kinetic_sensitivity",
        **{**request, "sensitivity_parameters": ["n"]},
        method="forward",
    )
    assert table(alone).items() <= table(forward).items()


def _agree(one: KineticResult, other: KineticResult, within: float) -> None:
    mine, theirs = table(one), table(other)
    sizes = {output: max(abs(v) for (o, _), v in theirs.items() if o == output) for output, _ in theirs}
    assert mine.keys() == theirs.keys()
    for (output, parameter), slope in mine.items():
        size = within * 1e-2 * sizes[output]
        assert slope == pytest.approx(theirs[output, parameter], rel=within, abs=size), (output, parameter)


@pytest.mark.parametrize(
    ("text", "outputs", "words"),
    [
        ("species A = 9; A => ; k*A; k = 1; at A < 1: A = 9;", ["A"], "events"),
        ("species A = 9; A => ; piecewise(k, A > 4, 2)*A; k = 1;", ["A"], "rates jump"),
        ("species A = 9; A => ; k*A; k = 1; f := floor(A);", ["A", "f"], "of f, which jumps"),
    ],
)
def test_what_has_no_equations_is_refused(
    engine: KineticEngine, text: str, outputs: list[str], words: str
) -> None:
    request: dict[str, Any] = {"time_end": 2, "outputs": outputs}
    with pytest.raises(InvalidModelError, match=words) as refused:
        run(engine, text, "kinetic_sensitivity", **request, method="forward")
    assert refused.value.place == "method"
    assert "finite_differences" in str(refused.value.details["remedy"])
    assert table(run(engine, text, "kinetic_sensitivity", **request))


def test_a_batch_tells_which_field_of_the_analysis(engine: KineticEngine) -> None:
    analysis = {"process_code": "kinetic_sensitivity", "time_end": 2, "method": "forward"}
    request: dict[str, Any] = {"variants": [{"parameters": {"k": 2.0}}, {}], "analysis": analysis}
    done = run(engine, DECAY, "kinetic_batch", **request)
    assert done.members is not None
    assert [one.status for one in done.members.outcomes or ()] == ["completed", "completed"]
    with pytest.raises(BioXenException) as refused:
        run(engine, DECAY + "at time > 1: A = 3;", "kinetic_batch", **request)
    assert refused.value.place == "analysis.method"


def test_equations_without_a_finite_answer_are_replaced(engine: KineticEngine) -> None:
    """At A = 0 the slope of A^h is infinite."""
    text = "species A = 0; => A; k*A^h + c; k = 1; h = 0.5; c = 0; B = 1; B' = -r*B; r = 1;"
    request: dict[str, Any] = {"time_end": 1, "outputs": ["A", "B"], "sensitivity_parameters": ["h", "r"]}
    result = run(engine, text, "kinetic_sensitivity", **request, method="forward")
    settings = result.provenance.settings
    assert "by differences: h (" in str(settings["forward"])
    assert table(result) == pytest.approx(
        table(run(engine, text, "kinetic_sensitivity", **request)), rel=1e-6
    )


@pytest.mark.parametrize(("spoilt", "words"), [("slopes", "d([A])/d(k)"), ("values", "its trajectory")])
def test_what_fails_the_audit_is_replaced(
    engine: KineticEngine, monkeypatch: pytest.MonkeyPatch, spoilt: str, words: str
) -> None:
    honest = sensitivity.sensitivities

    def wrong(*args: Any, **options: Any) -> sensitivity.Sensitivities:
        found = honest(*args, **options)
        return replace(found, **{spoilt: np.multiply(getattr(found, spoilt), 1.01)})

    monkeypatch.setattr(sensitivity, "sensitivities", wrong)
    request: dict[str, Any] = {"time_end": 2, "outputs": ["[A]"]}
    result = run(engine, DECAY, "kinetic_sensitivity", **request, method="forward")
    assert result.provenance.settings["forward"] == f"by differences: failed the audit, {words}"
    assert result.message.endswith("by central differences.")
    assert result.audit is not None
    assert result.audit.refused == 1
    assert table(result) == table(run(engine, DECAY, "kinetic_sensitivity", **request))
