"""What is zero within rounding is told as zero or as nothing, never as a number made of noise."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.engines.kinetic.models import run

from bioxen.server.engines.kinetic import KineticEngine

BALANCED = """J1: A -> B; k1*A - k2*B; J2: B -> A; k3*B - k4*A; J3: => C; 2 - C;
A = 1; B = 0; C = 1; k1 = 1; k2 = 1; k3 = 1; k4 = 1"""
"""J1 and J2 come to equilibrium: what the two directions leave over is a few times 1e-17."""
TRANSCRITICAL = "x = 1; p = 1; x' = p*x - x^2"


def test_a_reaction_at_equilibrium_has_no_scaled_coefficients(engine: KineticEngine) -> None:
    found = run(engine, BALANCED, "kinetic_control").control
    assert found is not None and found.reactions == ["J1", "J2", "J3"]
    assert found.scaled_flux_control[:2] == [[None] * 3] * 2
    assert found.scaled_elasticities[:2] == [[None] * 3] * 2
    assert found.summation_error < 1e-9
    assert found.flux_control[0][0] == pytest.approx(0.5), "unscaled coefficients are there all the same"


@pytest.mark.parametrize("choice", ["lanes", "libroadrunner"])
def test_nor_in_any_member_of_a_study(engine: KineticEngine, choice: str) -> None:
    fields: dict[str, Any] = {"method": "control", "engine": choice, "axes": {"k1": {"values": [1.0, 1.0]}}}
    members = run(engine, BALANCED, "kinetic_scan", **fields).members
    assert members is not None and members.control is not None
    assert members.control.flux_control is not None
    numbers = members.control.flux_control.numbers
    assert numbers is not None and numbers[:6] == [None] * 6


def test_a_small_net_flux_keeps_its_coefficients(engine: KineticEngine) -> None:
    near = "J1: $X -> A; 1e4*(X - A); J2: A -> ; 1e-2*A; X = 1; A = 1"
    found = run(engine, near, "kinetic_control").control
    assert found is not None
    assert found.scaled_flux_control[0] == pytest.approx([1e-6, 1 - 1e-6], rel=1e-3)


def test_what_died_away_does_not_oscillate(engine: KineticEngine) -> None:
    rows = run(engine, "x = 1; x' = -x", "kinetic_oscillation", time_end=100.0).oscillations
    assert rows is not None and rows[0].kind == "none"


@pytest.mark.parametrize("choice", ["lanes", "libroadrunner"])
def test_nor_has_it_a_period_in_a_study(engine: KineticEngine, choice: str) -> None:
    fields: dict[str, Any] = {"features": ["period", "amplitude"], "axes": {"k": {"values": [1.0, 2.0]}}}
    decay = "x = 1; k = 1; x' = -k*x"
    found = run(engine, decay, "kinetic_scan", time_end=100.0, time_points=2001, engine=choice, **fields)
    assert found.members is not None and found.members.features is not None
    assert found.members.features.numbers == [None] * 4


def test_small_swings_of_small_amounts_are_seen(engine: KineticEngine) -> None:
    small = "x = 1e-9; v = 0; x' = v; v' = -x"
    rows = run(engine, small, "kinetic_oscillation", time_end=100.0, absolute_tolerance=1e-18).oscillations
    assert rows is not None and rows[0].kind == "sustained"
    assert rows[0].period == pytest.approx(6.283185307, rel=1e-6)


def test_a_variable_that_is_no_species_may_fall_below_zero(engine: KineticEngine) -> None:
    fields: dict[str, Any] = {"parameter": "p", "lower": -1.0, "upper": 2.0}
    branch = run(engine, TRANSCRITICAL, "kinetic_continuation", **fields).branch
    assert branch is not None and branch.ended == ("range", "range")
    assert branch.states["x"][0] == pytest.approx(-1.0)
    crossing = branch.special_points[0]
    assert crossing.kind == "branch_point" and crossing.parameter == pytest.approx(0.0, abs=1e-6)


def test_a_species_ends_the_branch_there(engine: KineticEngine) -> None:
    fields: dict[str, Any] = {"parameter": "p", "lower": -1.0, "upper": 2.0}
    species = "species x = 1; J: => x; p*x - x^2; p = 1"
    branch = run(engine, species, "kinetic_continuation", **fields).branch
    assert branch is not None and branch.ended == ("negative", "range")
