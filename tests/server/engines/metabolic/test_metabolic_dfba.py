"""Dynamic FBA: nothing appears or vanishes, and the end is labelled."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.engines.metabolic.bench import run, toy

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import DynamicFba, MetabolicResult


def dynamics_of(result: MetabolicResult) -> DynamicFba:
    assert result.dynamics is not None
    return result.dynamics


@settings(max_examples=10, deadline=None)
@given(
    glucose=st.floats(0.5, 20.0),
    biomass=st.floats(0.005, 0.5),
    points=st.integers(11, 61),
    half=st.floats(0.01, 1.0),
)
def test_glucose_is_eaten_and_never_overdrawn(
    glucose: float, biomass: float, points: int, half: float
) -> None:
    course = dynamics_of(
        run(
            "textbook",
            "metabolic_dfba",
            initial_concentrations={"EX_glc__D_e": glucose},
            initial_biomass=biomass,
            half_saturation=half,
            time_points=points,
        )
    )
    left = course.concentrations["EX_glc__D_e"]
    assert left[0] == glucose and min(left) >= 0.0
    assert all(later <= earlier for earlier, later in pairwise(left))
    grown = course.biomass[-1] - biomass
    assert grown <= 0.0874 * 1.05 * (glucose - left[-1]) + 1e-9  # the best yield of the model, gDW/mmol
    for number, (before, after) in enumerate(pairwise(course.biomass)):
        rate = course.growth_rate[number]
        step = course.time[number + 1] - course.time[number]
        assert rate is not None and after == pytest.approx(before * math.exp(rate * step), rel=1e-9)


def test_a_starved_culture_ends_and_says_so() -> None:
    result = run("textbook", "metabolic_simulation")
    course = dynamics_of(result)
    assert (result.status, course.ended) == ("optimal", "infeasible")
    assert course.time[-1] < 10.0 and course.growth_rate[-1] is None
    assert course.growth_rate.count(None) == 1
    assert "ended" in result.message and result.optimal_objective is None


def test_a_culture_with_enough_runs_to_the_end() -> None:
    course = dynamics_of(run("textbook", "metabolic_dfba", time_end=2.0, time_points=21))
    assert course.ended == "time_end"
    assert len(course.time) == len(course.biomass) == len(course.growth_rate) == 21
    assert course.time[-1] == pytest.approx(2.0)
    assert course.biomass[-1] == pytest.approx(0.01 * math.exp(0.8739 * 2), rel=0.01)


@pytest.mark.parametrize("weight", [1e2, 1e6])
def test_an_objective_that_is_no_growth_rate_is_refused(weight: float) -> None:
    fields: dict[str, Any] = {"objective": {"EX_co2_e": weight}, "initial_concentrations": {}}
    with pytest.raises(ValidationError, match="growth rate") as caught:
        run("textbook", "metabolic_dfba", time_end=1000.0, **fields)
    assert caught.value.place == "objective"


@pytest.mark.parametrize("weight", [1e2, 1e6])
def test_what_would_grow_beyond_all_numbers_finds_nothing_left_to_eat(weight: float) -> None:
    result = run("textbook", "metabolic_dfba", objective={"EX_co2_e": weight}, time_end=1000.0)
    assert result.status == "infeasible"


def test_a_culture_that_dies_out_is_answered() -> None:
    fields: dict[str, Any] = {"objective": {"ATPM": -1e4}, "initial_concentrations": {"EX_ac_e": 0.0}}
    course = dynamics_of(run("textbook", "metabolic_dfba", **fields))
    assert course.ended == "time_end" and course.biomass[-1] == 0.0


def test_products_of_fermentation_accumulate() -> None:
    course = dynamics_of(
        run(
            "textbook",
            "metabolic_dfba",
            constraints={"EX_o2_e": [0, 1000]},
            initial_concentrations={"EX_glc__D_e": 10.0, "EX_ac_e": 0.0, "EX_etoh_e": 0.0},
        )
    )
    assert course.concentrations["EX_ac_e"][-1] > 1.0
    assert course.concentrations["EX_etoh_e"][-1] > 1.0


def test_a_finer_step_changes_little() -> None:
    coarse, fine = (
        dynamics_of(run("textbook", "metabolic_dfba", time_end=5.0, time_points=points))
        for points in (51, 501)
    )
    assert coarse.biomass[-1] == pytest.approx(fine.biomass[-1], rel=0.05)


def test_a_forced_uptake_ends_when_it_cannot_be_met() -> None:
    result = run(
        "textbook",
        "metabolic_dfba",
        constraints={"EX_glc__D_e": [-10, -5]},
        initial_concentrations={"EX_glc__D_e": 2.0},
    )
    assert dynamics_of(result).ended == "infeasible"


def test_an_unlimited_uptake_is_limited_by_what_is_left() -> None:
    result = run(
        "textbook",
        "metabolic_dfba",
        constraints={"EX_o2_e": [None, 1000]},
        initial_concentrations={"EX_o2_e": 5.0, "EX_glc__D_e": 5.0},
    )
    assert min(dynamics_of(result).concentrations["EX_o2_e"]) >= 0.0


def test_a_lexicographic_course_takes_up_no_more_than_growth_needs() -> None:
    """Two ways to grow as fast on twice the sugar: of the second nothing is taken."""
    twins = toy(
        ("EX_a_e", {"a_e": -1}, -10, 1000),
        ("EX_b_e", {"b_e": -1}, -10, 1000),
        ("A", {"a_e": -1, "x_c": 1}, 0, 1000),
        ("B", {"b_e": -1, "x_c": 1}, 0, 1000),
        ("OUT", {"x_c": -10}, 0, 0.5),
    )
    for first, second in (("EX_a_e", "EX_b_e"), ("EX_b_e", "EX_a_e")):
        course = dynamics_of(
            run(
                twins,
                "metabolic_dfba",
                initial_concentrations={first: 10.0, second: 10.0},
                lexicographic=True,
                time_end=1.0,
            )
        )
        assert course.concentrations[first][-1] == pytest.approx(10.0, abs=1e-6)
        eaten = 10.0 - course.concentrations[second][-1]
        assert eaten == pytest.approx(10 * (course.biomass[-1] - course.biomass[0]), rel=1e-6)
    plain = dynamics_of(run("textbook", "metabolic_dfba", time_end=2.0))
    unique = dynamics_of(run("textbook", "metabolic_dfba", time_end=2.0, lexicographic=True))
    assert unique.biomass == pytest.approx(plain.biomass, rel=1e-8)
