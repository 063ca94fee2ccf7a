"""What libRoadRunner does not run (algebraic rules, delays, fast reactions, drawn orders), by analysis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import (
    GENE_EXPRESSION,
    KITCHEN_SINK,
    REPRESSILATOR,
    run,
    series,
    source_of,
)

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import KineticResult
from bioxen.server.engines.kinetic import KineticEngine

SBML = (
    '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">'
    "<model>{}</model></sbml>"
)
VOLUME = (
    '<listOfCompartments><compartment id="c" size="1" constant="true" spatialDimensions="3"/>'
    "</listOfCompartments>"
)
MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'
SPECIES = (
    '<species id="{}" compartment="c" initialAmount="{}" hasOnlySubstanceUnits="true" '
    'boundaryCondition="false" constant="false"/>'
)


def apply(operator: str, *parts: str) -> str:
    return f"<apply><{operator}/>{''.join(parts)}</apply>"


def ci(name: str) -> str:
    return f"<ci>{name}</ci>"


def algebraic(*rules: str, variables: str, rates: str = "") -> str:
    """Return a model with parameters `variables`, "x=1 y=2", algebraic rules and rate rules."""
    pairs = [pair.split("=") for pair in variables.split()]
    parameters = "".join(f'<parameter id="{name}" value="{v}" constant="false"/>' for name, v in pairs)
    texts = "".join(f"<algebraicRule>{MATH.format(rule)}</algebraicRule>" for rule in rules)
    return SBML.format(
        f"<listOfParameters>{parameters}</listOfParameters><listOfRules>{texts}{rates}</listOfRules>"
    )


def rate_rule(name: str, formula: str) -> str:
    return f'<rateRule variable="{name}">{MATH.format(formula)}</rateRule>'


def simulate(engine: KineticEngine, sbml: str, **request: object) -> KineticResult:
    return engine.run(
        engine.parse({"process_code": "kinetic_ode", **request}), engine.compile(source_of(sbml, "sbml"))
    )


def test_a_linear_algebraic_rule_is_solved_and_runs_on_libroadrunner(engine: KineticEngine) -> None:
    """0 = 2·x − y + 3, dy/dt = 1."""
    rule = apply("plus", apply("minus", apply("times", "<cn>2</cn>", ci("x")), ci("y")), "<cn>3</cn>")
    model = algebraic(rule, variables="x=0 y=1", rates=rate_rule("y", "<cn>1</cn>"))
    result = simulate(engine, model, time_end=4, time_points=5, outputs=["x", "y"])
    np.testing.assert_allclose(series(result, "y"), [1, 2, 3, 4, 5], rtol=1e-6)
    np.testing.assert_allclose(series(result, "x"), (series(result, "y") - 3) / 2, rtol=1e-9)
    assert result.provenance.settings["algebraic_rules_solved_for"] == "x"
    assert result.provenance.settings["solver"] == "libRoadRunner"


def test_a_nonlinear_algebraic_rule_is_followed_from_the_declared_root(engine: KineticEngine) -> None:
    """0 = x² − y has two roots; the declared value says which one."""
    rule = apply("minus", apply("times", ci("x"), ci("x")), ci("y"))
    for start, sign in ((1.0, 1.0), (-1.0, -1.0)):
        model = algebraic(rule, variables=f"x={start} y=1", rates=rate_rule("y", "<cn>1</cn>"))
        result = simulate(engine, model, time_end=8, time_points=9, outputs=["x"])
        np.testing.assert_allclose(series(result, "x"), sign * np.sqrt(1 + np.arange(9)), rtol=1e-6)
        assert result.provenance.settings["algorithm"] == "LSODA"
        assert "an algebraic rule" in str(result.provenance.settings["reason"])


def test_algebraic_rules_that_determine_nothing_are_refused(engine: KineticEngine) -> None:
    rule = apply("minus", ci("x"), ci("y"))
    with pytest.raises(InvalidModelError, match="do not determine"):
        simulate(engine, algebraic(rule, variables="x=1 y=1"))


def test_an_algebraic_rule_without_a_solution_fails_without_numbers(engine: KineticEngine) -> None:
    """x² + y = 0 has no root once y is positive."""
    rule = apply("plus", apply("times", ci("x"), ci("x")), ci("y"))
    model = algebraic(rule, variables="x=1 y=-1", rates=rate_rule("y", "<cn>1</cn>"))
    result = simulate(engine, model, time_end=4, time_points=5, outputs=["x"])
    assert result.status == "failed"
    assert result.species_trajectories is None


def test_a_delay_differential_equation_agrees_with_the_method_of_steps(engine: KineticEngine) -> None:
    """x' = −x(t − 1), x = 1 before 0: a polynomial of one degree more on every unit interval."""
    result = run(
        engine,
        "x = 1; x' = -delay(x, 1);",
        time_end=3,
        time_points=31,
        outputs=["x"],
        relative_tolerance=1e-9,
    )
    t = np.linspace(0, 3, 31)
    exact = sum(
        np.where(t >= k - 1, (-1.0) ** k * np.maximum(t - (k - 1), 0) ** k / math.factorial(k), 0)
        for k in range(5)
    )
    np.testing.assert_allclose(series(result, "x"), exact, atol=1e-7)


def test_a_delay_of_a_jump_comes_when_it_is_due(engine: KineticEngine) -> None:
    model = "x = 0; y := delay(x, 1); z = 0; z' = y; at time >= 2: x = 5;"
    result = run(engine, model, time_end=6, time_points=7, outputs=["x", "y", "z"])
    assert series(result, "y").tolist() == [0, 0, 0, 5, 5, 5, 5]
    np.testing.assert_allclose(series(result, "z"), [0, 0, 0, 0, 5, 10, 15], atol=1e-6)


FAST = SBML.format(
    VOLUME + f"<listOfSpecies>{SPECIES.format('A', 10)}{SPECIES.format('B', 0)}{SPECIES.format('C', 0)}"
    "</listOfSpecies>"
    '<listOfReactions><reaction id="flip" reversible="true" fast="true">'
    '<listOfReactants><speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>'
    '<listOfProducts><speciesReference species="B" stoichiometry="1" constant="true"/></listOfProducts>'
    f"<kineticLaw>{MATH.format(apply('minus', apply('times', '<cn>3</cn>', ci('A')), ci('B')))}</kineticLaw>"
    '</reaction><reaction id="drain" reversible="false" fast="false">'
    '<listOfReactants><speciesReference species="B" stoichiometry="1" constant="true"/></listOfReactants>'
    '<listOfProducts><speciesReference species="C" stoichiometry="1" constant="true"/></listOfProducts>'
    f"<kineticLaw>{MATH.format(apply('times', '<cn>0.4</cn>', ci('B')))}</kineticLaw>"
    "</reaction></listOfReactions>"
)


def test_a_fast_reaction_is_at_equilibrium_at_all_times(engine: KineticEngine) -> None:
    """B = 3·A always, so A + B = 10·exp(−0.3·t)."""
    result = simulate(engine, FAST, time_end=10, time_points=11, outputs=["A", "B", "C"])
    pool = 10 * np.exp(-0.3 * np.arange(11))
    np.testing.assert_allclose(series(result, "A"), pool / 4, rtol=1e-5)
    np.testing.assert_allclose(series(result, "B"), 3 * pool / 4, rtol=1e-5)
    np.testing.assert_allclose(series(result, "C"), 10 - pool, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("code", ["kinetic_sensitivity", "kinetic_steady_state"])
def test_other_processes_refuse_such_a_model_by_name(engine: KineticEngine, code: str) -> None:
    more = {"sensitivity_parameters": ["c"]} if code == "kinetic_sensitivity" else {}
    program = engine.compile(source_of(FAST, "sbml"))
    with pytest.raises(InvalidModelError, match="fast reaction flip"):
        engine.run(engine.parse({"process_code": code, "outputs": ["A"], **more}), program)


TIE = """
Q = 0; R = 0; last = 0;
E1: at time - last >= 1, priority = 5, persistent = false: Q = Q + 1, last = time;
E2: at time - last >= 1, priority = 5, persistent = false: R = R + 1, last = time;
"""


def test_a_tie_is_drawn_from_the_seed(engine: KineticEngine) -> None:
    def drawn(seed: int) -> KineticResult:
        return run(engine, TIE, time_end=100.5, time_points=2, outputs=["Q", "R"], seed=seed)

    counts = [drawn(seed).final_state or {} for seed in range(8)]
    assert all(count["Q"] + count["R"] == 100 for count in counts)  # type: ignore[operator]  # both are numbers
    assert len({count["Q"] for count in counts}) > 1
    total = sum(count["Q"] or 0 for count in counts)
    assert abs(total - 400) <= 4 * math.sqrt(800 / 4)  # binomial: 800 fair draws
    assert drawn(3).final_state == counts[3]
    assert drawn(3).provenance.seed == 3


@pytest.mark.parametrize("integrator", ["lsoda", "radau", "rk45", "dop853", "cvode_bdf", "cvode_adams"])
@pytest.mark.parametrize("model", [GENE_EXPRESSION, REPRESSILATOR, KITCHEN_SINK], ids=["gene", "osc", "sink"])
def test_every_integrator_gives_the_same(engine: KineticEngine, model: str, integrator: str) -> None:
    request: dict[str, Any] = {
        "time_end": 10,
        "time_points": 11,
        "relative_tolerance": 1e-8,
        "absolute_tolerance": 1e-10,
    }
    reference = run(engine, model, **{**request, "relative_tolerance": 1e-10})
    result = run(engine, model, integrator=integrator, **request)
    assert result.provenance.settings["method"] == integrator
    for name in reference.species_trajectories or {}:
        np.testing.assert_allclose(series(result, name), series(reference, name), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "method", "kisao"),
    [
        ("KISAO:0000088", "lsoda", "KISAO:0000088"),
        ("KISAO_0000019", "cvode_bdf", "KISAO:0000288"),
        ("cvode", "cvode_bdf", "KISAO:0000288"),
    ],
)
def test_kisao_ids_and_telluriums_name_are_names_of_integrators(
    engine: KineticEngine, given: str, method: str, kisao: str
) -> None:
    result = run(engine, GENE_EXPRESSION, integrator=given, time_end=1, time_points=2)
    assert result.provenance.settings["method"] == method
    assert result.provenance.settings["kisao"] == kisao


def test_changes_reach_the_general_solver_as_they_reach_libroadrunner(engine: KineticEngine) -> None:
    changes: dict[str, Any] = {
        "parameters": {"k": 0.8, "C": 3.0},
        "initial_conditions": {"[S1]": 2.0},
        "time_end": 5,
    }
    reference = run(engine, KITCHEN_SINK, **changes)
    result = run(engine, KITCHEN_SINK, integrator="lsoda", **changes)
    for name in reference.species_trajectories or {}:
        np.testing.assert_allclose(series(result, name), series(reference, name), rtol=1e-4, atol=1e-7)


def test_where_rates_jump_a_short_pulse_is_not_missed(engine: KineticEngine) -> None:
    """Without short steps an integrator that has found its stride steps over the pulse."""
    model = "x = 0; x' = piecewise(100, time > 50 && time < 50.5, 0);"
    result = run(engine, model, time_end=100, time_points=3, outputs=["x"])
    assert result.provenance.settings["reason"] == "the rates of the model jump"
    np.testing.assert_allclose(series(result, "x")[-1], 50, rtol=1e-3)


LOCAL = SBML.format(
    VOLUME + f"<listOfSpecies>{SPECIES.format('A', 10)}</listOfSpecies>"
    '<listOfReactions><reaction id="J" reversible="false" fast="false">'
    '<listOfReactants><speciesReference species="A" stoichiometry="1" constant="true"/></listOfReactants>'
    f"<kineticLaw>{MATH.format(apply('times', ci('k'), ci('A')))}"
    '<listOfLocalParameters><localParameter id="k" value="0.1"/></listOfLocalParameters></kineticLaw>'
    "</reaction></listOfReactions>"
)


@pytest.mark.parametrize("integrator", ["auto", "lsoda"])
def test_a_local_parameter_can_be_set(engine: KineticEngine, integrator: str) -> None:
    request = {"time_end": 2, "time_points": 2, "outputs": ["A"], "integrator": integrator}
    plain = simulate(engine, LOCAL, **request)
    assert series(plain, "A")[-1] == pytest.approx(10 * math.exp(-0.2), rel=1e-5)
    changed = simulate(engine, LOCAL, parameters={"J.k": 0.5}, **request)
    assert series(changed, "A")[-1] == pytest.approx(10 * math.exp(-1), rel=1e-5)


def test_the_sensitivity_to_a_local_parameter(engine: KineticEngine) -> None:
    program = engine.compile(source_of(LOCAL, "sbml"))
    request = {"process_code": "kinetic_sensitivity", "sensitivity_parameters": ["J.k"], "time_end": 2}
    (row,) = engine.run(engine.parse({**request, "outputs": ["A"]}), program).sensitivities or []
    assert row.parameter == "J.k"
    assert row.scaled == pytest.approx(-0.2, rel=1e-4)


def test_a_formula_nested_too_deeply_is_refused(engine: KineticEngine) -> None:
    model = f"x = 1; y := {'(1 + ' * 300}x{')' * 300}; x' = delay(y, 1);"
    with pytest.raises(InvalidModelError, match="nest"):
        run(engine, model)


DRAWN = "x = normal(0, 1); y = x; species S = 3; S => ; k*S; k = 0.1; at time > 1: x = normal(0, 1, -1, 1);"


def test_draws_follow_the_seed(engine: KineticEngine) -> None:
    first, again, other = (
        run(engine, DRAWN, "kinetic_ode", seed=seed, time_end=3, time_points=4, outputs=["x", "y", "S"])
        for seed in (1, 1, 2)
    )
    assert first.species_trajectories == again.species_trajectories
    assert first.species_trajectories is not None
    assert other.species_trajectories is not None
    assert first.species_trajectories["x"] != other.species_trajectories["x"]
    assert first.species_trajectories["S"] == other.species_trajectories["S"]
    assert first.species_trajectories["x"][0] == first.species_trajectories["y"][3]
    assert abs(first.species_trajectories["x"][3] or 9) <= 1
    assert first.provenance.settings["numbers_drawn"] == 2
    assert first.provenance.seed == 1


def test_integrated_members_draw_their_own_numbers(engine: KineticEngine) -> None:
    varied = {"k": {"kind": "uniform", "lower": 0.1, "upper": 0.2}}
    request = {"distributions": varied, "members": 6, "outputs": ["y"], "seed": 4}
    whole = run(engine, DRAWN, "kinetic_ensemble", **request)
    part = run(engine, DRAWN, "kinetic_ensemble", **request, part={"first": 2, "count": 2})
    assert whole.members is not None
    assert part.members is not None
    assert whole.members.features is not None
    assert part.members.features is not None
    assert len(set(whole.members.features.numbers or [])) == 6
    assert (whole.members.features.numbers or [])[2:4] == part.members.features.numbers


def test_a_draw_from_no_distribution_is_a_failure(engine: KineticEngine) -> None:
    result = run(engine, "x = normal(0, -1);", "kinetic_ode", outputs=["x"])
    assert result.status == "failed"
    assert "no distribution" in result.message
