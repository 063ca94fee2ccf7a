"""Many members in one request: ensembles, scans, Sobol and Morris against closed formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.server.engines.kinetic.models import BIRTH_DEATH, DECAY, FloatArray, plain, run, source_of

from bioxen.errors import InvalidModelError, UnknownIdentifierError, ValidationError
from bioxen.protocol.kinetic import KineticResult, Members, NumberArray
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.studies.arrays import read
from bioxen.server.engines.studies.block import block_of

ISHIGAMI = """
x1 = 0; x2 = 0; x3 = 0; y := sin(x1) + 7*sin(x2)^2 + 0.1*x3^4*sin(x1);
species A = 1; A => ; A;
"""
"""Ishigami and Homma's function as an assignment rule; its Sobol indices are known in closed form."""
FACTORS = {name: {"lower": -math.pi, "upper": math.pi} for name in ("x1", "x2", "x3")}
INSTANT = {"outputs": ["y"], "time_points": 2, "time_end": 1.0}


def array(message: NumberArray | None) -> FloatArray:
    assert message is not None
    return read(message.model_dump())


def members_of(result: KineticResult) -> Members:
    assert result.members is not None, result.message
    return result.members


def test_each_member_is_what_it_would_be_alone(engine: KineticEngine) -> None:
    distributions = {
        "k": {"kind": "lognormal", "median": 0.5, "sigma": 0.3},
        "A": {"kind": "uniform", "lower": 5.0, "upper": 15.0},
    }
    result = run(
        engine,
        DECAY,
        "kinetic_ensemble",
        members=6,
        distributions=distributions,
        report="values",
        time_points=5,
    )
    members = members_of(result)
    values = array(members.values)
    assert values.shape == (6, 5, 1)
    assert members.times == [0.0, 25.0, 50.0, 75.0, 100.0]
    for index in range(6):
        alone = run(
            engine,
            DECAY,
            time_points=5,
            parameters={"k": members.varied["k"][index]},
            initial_conditions={"A": members.varied["A"][index]},
        )
        assert alone.species_trajectories is not None
        assert values[index, :, 0].tolist() == alone.species_trajectories["[A]"]


@pytest.mark.parametrize("method", ["ode", "ssa"])
def test_parts_compose_to_the_whole(engine: KineticEngine, method: str) -> None:
    request: dict[str, Any] = {
        "members": 7,
        "distributions": {"birth": {"kind": "normal", "mean": 5.0, "standard_deviation": 1.0}},
        "method": method,
        "seed": 4,
        "report": "values",
        "time_points": 3,
    }
    whole = array(members_of(run(engine, BIRTH_DEATH, "kinetic_ensemble", **request)).values)
    parts = [
        array(
            members_of(
                run(engine, BIRTH_DEATH, "kinetic_ensemble", part={"first": first, "count": count}, **request)
            ).values
        )
        for first, count in ((3, 4), (0, 3))
    ]
    assert np.concatenate([parts[1], parts[0]]).tolist() == whole.tolist()


def test_a_summary_is_that_of_the_values(engine: KineticEngine) -> None:
    request: dict[str, Any] = {
        "members": 40,
        "distributions": {"k": {"kind": "loguniform", "lower": 0.1, "upper": 1.0}},
        "time_end": 4.0,
        "time_points": 3,
    }
    values = array(members_of(run(engine, DECAY, "kinetic_ensemble", report="values", **request)).values)
    result = run(engine, DECAY, "kinetic_ensemble", report="summary", quantiles=[0.1, 0.5], bins=4, **request)
    summary = result.summary
    assert summary is not None
    assert result.members is None
    assert array(summary.mean) == pytest.approx(values.mean(axis=0))
    assert array(summary.standard_deviation) == pytest.approx(values.std(axis=0, ddof=1))
    assert array(summary.quantiles) == pytest.approx(np.quantile(values, [0.1, 0.5], axis=0))
    (histogram,) = summary.histograms
    assert (histogram.feature, sum(histogram.counts), len(histogram.edges)) == ("final", 40, 5)
    assert histogram.edges[-1] == values[:, -1, 0].max()


def test_draws_follow_their_distributions(engine: KineticEngine) -> None:
    """Kolmogorov and Smirnov's test on the draws themselves."""
    model = "a = 2; b = 1; c = 1; d = 1; e = 1; species A = 1; A => ; A;"
    distributions = {
        "a": {"kind": "uniform", "lower": 0.5, "upper": 1.5, "relative": True},
        "b": {"kind": "loguniform", "lower": 0.01, "upper": 100.0},
        "c": {"kind": "normal", "mean": 3.0, "standard_deviation": 2.0},
        "d": {"kind": "lognormal", "median": 2.0, "sigma": 0.5},
        "e": {"kind": "normal", "mean": 0.0, "standard_deviation": 1.0, "lower": 0.0},
    }
    result = run(
        engine,
        model,
        "kinetic_ensemble",
        members=800,
        distributions=distributions,
        time_points=2,
        time_end=0.1,
    )
    varied = members_of(result).varied
    expected = {
        "a": stats.uniform(1, 2),
        "b": stats.loguniform(0.01, 100),
        "c": stats.norm(3, 2),
        "d": stats.lognorm(0.5, scale=2),
        "e": stats.truncnorm(0, np.inf),
    }
    for name, distribution in expected.items():
        assert stats.kstest(varied[name], distribution.cdf).pvalue > 1e-3, name


def test_a_list_of_values_gives_each_member_its_own(engine: KineticEngine) -> None:
    values = [0.1, 0.3, 0.2]
    result = run(
        engine,
        DECAY,
        "kinetic_ensemble",
        members=3,
        distributions={"k": {"kind": "values", "values": values}},
    )
    assert members_of(result).varied == {"k": values}


def test_stochastic_members_have_the_known_moments(engine: KineticEngine) -> None:
    """Births 5, deaths 0.1·S: Poisson with mean 50 after a long time."""
    result = run(
        engine, BIRTH_DEATH, "kinetic_ensemble", members=400, method="ssa", time_end=100.0, time_points=2
    )
    finals = array(members_of(result).features)[:, 0, 0]
    assert finals.mean() == pytest.approx(50, abs=4 * math.sqrt(50 / 400))
    assert finals.var(ddof=1) == pytest.approx(50, abs=4 * 50 * math.sqrt(2 / 400))
    assert len(set(finals.tolist())) > 10


def test_a_failed_member_has_no_numbers_and_says_why(engine: KineticEngine) -> None:
    model = "species S = 1; S => ; k; x = 1; x' = g*x^2; k = 0; g = 0;"
    result = run(
        engine,
        model,
        "kinetic_scan",
        axes={"g": {"values": [0.0, 1.0]}},
        outputs=["x"],
        time_end=2.0,
        report="values",
    )
    members = members_of(result)
    assert members.status == ["completed", "failed"]
    assert np.isnan(array(members.values)[1]).all()
    assert list(members.failures.values()) == [[1]]
    assert "1 of 2 members completed" in result.message


def test_a_scan_is_a_grid_whose_last_axis_is_fastest(engine: KineticEngine) -> None:
    axes = {
        "k": {"lower": 0.1, "upper": 10.0, "points": 3, "spacing": "log"},
        "A": {"values": [1.0, 2.0]},
    }
    features = ["final", "mean", "maximum", "time_of_minimum"]
    result = run(
        engine,
        DECAY,
        "kinetic_scan",
        axes=axes,
        features=features,
        time_end=1.0,
        time_points=201,
        relative_tolerance=1e-9,
    )
    members = members_of(result)
    k, start = np.array(members.varied["k"]), np.array(members.varied["A"])
    assert k == pytest.approx([0.1, 0.1, 1, 1, 10, 10])
    assert start.tolist() == [1, 2, 1, 2, 1, 2]
    found = array(members.features)[:, :, 0]
    assert found[:, 0] == pytest.approx(start * np.exp(-k), rel=1e-6)
    assert found[:, 1] == pytest.approx(start * (1 - np.exp(-k)) / k, rel=1e-3)
    assert found[:, 2].tolist() == start.tolist()
    assert found[:, 3].tolist() == [1.0] * 6


def test_a_scan_of_a_period(engine: KineticEngine) -> None:
    """x'' = −w²x has the period 2π/w and the amplitude of its start."""
    result = run(
        engine,
        "x = 2; v = 0; w = 1; x' = v; v' = -w^2*x;",
        "kinetic_scan",
        axes={"w": {"values": [1.0, 2.0]}},
        features=["period", "amplitude"],
        outputs=["x"],
        time_end=60.0,
        time_points=1201,
        relative_tolerance=1e-9,
    )
    expected = np.array([[2 * math.pi, 2.0], [math.pi, 2.0]])
    assert array(members_of(result).features)[:, :, 0] == pytest.approx(expected, rel=1e-5)


def test_base64_is_the_same_array(engine: KineticEngine) -> None:
    request: dict[str, Any] = {"axes": {"k": {"values": [0.1, 0.2]}}, "report": "values"}
    numbers = members_of(run(engine, DECAY, "kinetic_scan", **request))
    result = run(engine, DECAY, "kinetic_scan", encoding="base64", **request)
    packed = members_of(result)
    assert packed.values is not None
    assert packed.values.numbers is None
    assert array(packed.values).tolist() == array(numbers.values).tolist()
    assert block_of(result.model_dump()).table.tolist() == [[0.1], [0.2]]


def test_sobol_indices_of_ishigami(engine: KineticEngine) -> None:
    """With a = 7, b = 0.1 the variance is a²/8 + bπ⁴/5 + b²π⁸/18 + 1/2."""
    result = run(
        engine, ISHIGAMI, "kinetic_sobol", factors=FACTORS, samples=1024, second_order=True, **INSTANT
    )
    found = result.global_sensitivity
    assert found is not None
    assert (found.members, found.failed) == (8192, 0)
    a, b = 7.0, 0.1
    alone = 0.5 * (1 + b * math.pi**4 / 5) ** 2
    second = a**2 / 8
    together = b**2 * math.pi**8 * (1 / 18 - 1 / 50)
    variance = alone + second + together
    first = {index.factor: index.first_order for index in found.sobol or []}
    total = {index.factor: index.total for index in found.sobol or []}
    assert first == pytest.approx({"x1": alone / variance, "x2": second / variance, "x3": 0}, abs=0.03)
    expected = {"x1": (alone + together) / variance, "x2": second / variance, "x3": together / variance}
    assert total == pytest.approx(expected, abs=0.03)
    pairs = {pair.factors: pair.second_order for pair in found.sobol_pairs or []}
    assert pairs["x1", "x3"] == pytest.approx(together / variance, abs=0.05)
    assert pairs["x1", "x2"] == pytest.approx(0, abs=0.05)


def test_morris_effects_of_a_linear_function_are_its_slopes(engine: KineticEngine) -> None:
    model = "x1 = 0; x2 = 0; x3 = 0; y := 2*x1 - 3*x2; species A = 1; A => ; A;"
    factors = {"x1": {"lower": 0.0, "upper": 5.0}, "x2": FACTORS["x2"], "x3": FACTORS["x3"]}
    result = run(engine, model, "kinetic_morris", factors=factors, **INSTANT)
    assert result.global_sensitivity is not None
    rows = result.global_sensitivity.morris
    assert rows is not None
    assert [row.mu for row in rows] == pytest.approx([10, -6 * math.pi, 0], abs=1e-9)
    assert [row.mu_star for row in rows] == pytest.approx([10, 6 * math.pi, 0], abs=1e-9)
    assert [row.sigma for row in rows] == pytest.approx([0, 0, 0], abs=1e-9)


def test_indices_of_what_does_not_vary_are_null(engine: KineticEngine) -> None:
    model = "x1 = 0; x2 = 0; y := 1; species A = 1; A => ; A;"
    factors = {"x1": FACTORS["x1"], "x2": FACTORS["x2"]}
    result = run(engine, model, "kinetic_sobol", factors=factors, samples=4, **INSTANT)
    assert result.global_sensitivity is not None
    assert {index.total for index in result.global_sensitivity.sobol or []} == {None}


def test_the_same_study_gives_the_same_bytes(engine: KineticEngine) -> None:
    request: dict[str, Any] = {"factors": FACTORS, "samples": 16, "seed": 0, **INSTANT}
    results = {plain(run(engine, ISHIGAMI, "kinetic_sobol", **request)) for _ in range(2)}
    assert len(results) == 1


@pytest.mark.parametrize(
    ("code", "request_", "error", "place"),
    [
        (
            "kinetic_scan",
            {"axes": {"kk": {"values": [1.0]}}},
            UnknownIdentifierError,
            "axes.kk",
        ),
        (
            "kinetic_scan",
            {"axes": {"A": {"values": [1.0]}, "[A]": {"values": [1.0]}}},
            ValidationError,
            "axes.[A]",
        ),
        (
            "kinetic_scan",
            {"axes": {"k": {"lower": 0.0, "upper": 1.0, "points": 100_000}}, "report": "values"},
            ValidationError,
            "report",
        ),
        ("kinetic_scan", {"axes": {"k": {"lower": 1.0, "upper": 2.0}}}, ValidationError, "axes.k"),
        ("kinetic_sobol", {"factors": FACTORS, "samples": 100}, ValidationError, None),
        ("kinetic_ensemble", {"members": 3}, ValidationError, None),
        (
            "kinetic_ensemble",
            {"members": 3, "distributions": {"k": {"kind": "values", "values": [1.0]}}},
            ValidationError,
            None,
        ),
        (
            "kinetic_ensemble",
            {"members": 3, "method": "ssa", "initial_conditions": {"A": 1.5}},
            ValidationError,
            "initial_conditions.A",
        ),
    ],
)
def test_bad_input_is_named(
    engine: KineticEngine, code: str, request_: dict[str, Any], error: type[Exception], place: str | None
) -> None:
    with pytest.raises(error) as caught:
        run(engine, DECAY, code, **request_)
    if place is not None:
        assert getattr(caught.value, "place", "").startswith(place)


def test_an_unsound_model_has_no_stochastic_members(engine: KineticEngine) -> None:
    with pytest.raises(InvalidModelError, match="unsound"):
        run(engine, "species A = 8, B = 2; A -> B; 3*A - B;", "kinetic_ensemble", method="ssa")


def test_a_warm_program_runs_many_members(engine: KineticEngine) -> None:
    program = engine.compile(source_of(DECAY))
    request = engine.parse({"process_code": "kinetic_scan", "axes": {"k": {"values": [0.5] * 130}}})
    result = engine.run(request, program)
    assert members_of(result).methods == {"lanes tsit5": 130}
    assert np.ptp(array(members_of(result).features)) == 0
