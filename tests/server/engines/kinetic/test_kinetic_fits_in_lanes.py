"""Fits in lanes beside the same fits on libRoadRunner, and what happens where lanes cannot be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import REPRESSILATOR, plain, run, series, source_of
from tests.shared_data import shared

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import KineticResult
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.condition_lanes import ConditionLanes
from bioxen.server.engines.kinetic.side_by_side import AT_ONCE, Ask, Matrix, side_by_side
from bioxen.server.petab import read

PULSE = "species A = 10; A => ; k*A; k = 0.5; at time > 2: A = A + dose, k = 2*k; dose = 4;"
"""An event that changes a parameter that is fitted."""
DELAYED = "species A = 10; A => ; k*A; k = 0.5; at 1 after time > 1: A = 5;"
"""Its event is delayed."""


def fit(engine: KineticEngine, text: str, /, **request: Any) -> KineticResult:
    return run(engine, text, "kinetic_parameter_estimation", **request)


def data_of(engine: KineticEngine, text: str, outputs: list[str], end: float) -> dict[str, Any]:
    """Return what an exact measurement of the model would be, a little off."""
    course = run(engine, text, time_end=end, time_points=15, outputs=outputs)
    noise = np.random.default_rng(5)
    measured = {
        name: (series(course, name) * (1 + 0.02 * noise.standard_normal(15))).tolist() for name in outputs
    }
    return {"measured_times": course.time_vector, "measurements": measured}


@pytest.mark.parametrize(
    ("text", "outputs", "estimate"),
    [
        (REPRESSILATOR, ["pX", "pY"], {"a": (50.0, 500.0), "n": (1.5, 3.0), "b": (1.0, 20.0)}),
        (PULSE, ["A"], {"k": (0.05, 5.0), "dose": (0.5, 20.0)}),
    ],
)
def test_lanes_reach_the_optimum_that_libroadrunner_reaches(
    engine: KineticEngine, text: str, outputs: list[str], estimate: dict[str, tuple[float, float]]
) -> None:
    request: dict[str, Any] = {
        **data_of(engine, text, outputs, 8.0),
        "estimate": {name: {"lower": low, "upper": high} for name, (low, high) in estimate.items()},
        "starts": 3,
        "profile": [next(iter(estimate))],
    }
    lanes, single = (fit(engine, text, engine=way, **request) for way in ("lanes", "libroadrunner"))
    mine, other = lanes.estimation, single.estimation
    assert mine is not None, lanes.message
    assert other is not None, single.message
    assert "lanes tsit5" in str(lanes.provenance.settings["simulations"])
    assert "lanes tsit5" not in str(single.provenance.settings["simulations"])
    assert lanes.provenance.settings["audit_largest_relative"] < 1e-6  # type: ignore[operator]
    assert mine.sum_of_squares == pytest.approx(other.sum_of_squares, rel=1e-6)
    for name, one in mine.parameters.items():
        assert one.value == pytest.approx(other.parameters[name].value, rel=1e-4)
        assert one.standard_error == pytest.approx(other.parameters[name].standard_error, rel=1e-2)
    assert mine.profiles is not None
    assert other.profiles is not None
    for name, profile in mine.profiles.items():
        ends = (other.profiles[name].lower, other.profiles[name].upper)
        assert (profile.lower, profile.upper) == pytest.approx(ends, rel=1e-3)
    assert plain(fit(engine, text, engine="lanes", **request)) == plain(lanes)


LINE: dict[str, Any] = {
    "measured_times": [0.5, 1.0, 2.0, 3.0],
    "measurements": {"A": [8.0, 6.5, 4.2, 2.7]},
    "estimate": {"k": {"lower": 0.01, "upper": 10.0}},
    "starts": 5,
}


def test_a_model_beyond_the_lanes_is_fitted_without_and_says_so(engine: KineticEngine) -> None:
    construct = "species A = 10; A => ; k*A; k = 0.5; x = 1; x' = 1; y := delay(x, 1);"
    found = fit(engine, construct, **LINE)
    if found.estimation is not None:
        assert "delay" in str(found.provenance.settings["lanes"])
    with pytest.raises(InvalidModelError) as caught:
        fit(engine, construct, engine="lanes", **LINE)
    assert "delay" in str(caught.value)


def test_lanes_that_disagree_are_not_believed(engine: KineticEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = fit(engine, REPRESSILATOR.replace("pX = 0", "pX = 1"), **_of_b(engine), engine="libroadrunner")

    def wrong(self: ConditionLanes, condition: int, row: Matrix, reference: Matrix) -> float:
        return 1e-3

    monkeypatch.setattr(ConditionLanes, "distance", wrong)
    found = fit(engine, REPRESSILATOR.replace("pX = 0", "pX = 1"), **_of_b(engine))
    assert "failed the audit" in str(found.provenance.settings["lanes"])
    assert "lanes" not in str(found.provenance.settings["simulations"])
    assert found.estimation == honest.estimation


def _of_b(engine: KineticEngine) -> dict[str, Any]:
    data = data_of(engine, REPRESSILATOR, ["pX"], 3.0)
    return {**data, "estimate": {"b": {"lower": 1.0, "upper": 20.0}}, "starts": 4}


def test_libroadrunner_answers_where_a_lane_stops(
    engine: KineticEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bioxen.server.engines.kinetic import condition_lanes

    text, request = REPRESSILATOR, _of_b(engine)
    whole = fit(engine, text, **request)
    monkeypatch.setattr(condition_lanes, "_EXPLICIT_STEPS", 20)
    monkeypatch.setattr(condition_lanes, "_IMPLICIT_STEPS", 20)
    found = fit(engine, text, **request, engine="lanes")
    simulations = str(found.provenance.settings["simulations"])
    assert "lanes tsit5" not in simulations
    assert "libRoadRunner cvode_bdf" in simulations
    assert found.estimation is not None, found.message
    assert whole.estimation is not None
    assert found.estimation.sum_of_squares == pytest.approx(whole.estimation.sum_of_squares, rel=1e-6)


def test_the_boehm_problem_is_fitted_in_lanes(engine: KineticEngine) -> None:
    """The literature's optimum, -138.22198, from the given point and from a drawn one."""
    name = "Boehm_JProteomeRes2014"
    request = read(shared("petab", name) / f"{name}.yaml", fit=True, starts=2, seed=2, engine="lanes")
    program = engine.compile(source_of(request.kinetic_code or "", "sbml"))
    result = engine.run(request, program)
    assert result.petab is not None, result.message
    assert result.petab.log_likelihood >= -138.22198
    assert result.provenance.settings["audit_largest_relative"] < 1e-6  # type: ignore[operator]
    reached = result.petab.start_log_likelihoods
    assert reached is not None
    assert max(one for one in reached if one is not None) == pytest.approx(result.petab.log_likelihood)
    assert plain(engine.run(request, program)) == plain(result)


# The searches.


def test_searches_get_their_own_numbers_whatever_their_number() -> None:
    blocks: list[int] = []

    def answer(points: Matrix) -> Matrix:
        blocks.append(len(points))
        return points**2

    def task(start: float) -> Callable[[Ask], float]:
        def search(ask: Ask) -> float:
            value = start
            for _ in range(int(start) % 4):
                value = float(ask(np.array([[value]]))[0, 0])
            return value

        return search

    found = side_by_side([task(float(start)) for start in range(3 * AT_ONCE)], answer, "tests")
    assert found == [math.pow(start, 2 ** (start % 4)) for start in range(3 * AT_ONCE)]
    assert sum(blocks) == sum(start % 4 for start in range(3 * AT_ONCE))
    assert max(blocks) == AT_ONCE


def test_what_a_search_or_the_numbers_raise_is_raised() -> None:
    def bad(ask: Ask) -> float:
        ask(np.zeros((1, 1)))
        raise LookupError("mine")

    def fine(ask: Ask) -> float:
        return float(ask(np.ones((1, 1)))[0, 0])

    with pytest.raises(LookupError, match="mine"):
        side_by_side([fine, bad, fine], lambda points: points, "tests")

    def broken(points: Matrix) -> Matrix:
        raise ArithmeticError("theirs")

    with pytest.raises(ArithmeticError, match="theirs"):
        side_by_side([fine, fine], broken, "tests")
