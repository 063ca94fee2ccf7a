"""Gillespie's direct method: exact in distribution, decided by the seed, and refused where it is unsound."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.server.engines.kinetic.models import BIRTH_DEATH, run, source_of

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.server.engines.kinetic import KineticEngine

RUNS = 3000


def test_birth_and_death_have_the_known_mean_and_variance(engine: KineticEngine) -> None:
    """Starting from n, the number is binomial (survivors) plus Poisson (arrivals)."""
    program = engine.compile(source_of(BIRTH_DEATH))
    samples = []
    for seed in range(RUNS):
        request = engine.parse(
            {"process_code": "kinetic_ssa", "seed": seed, "time_end": 20, "time_points": 5, "outputs": ["S"]}
        )
        trajectories = engine.run(request, program).species_trajectories
        assert trajectories is not None
        samples.append(trajectories["S"])
    numbers = np.array(samples, dtype=float)
    for column, time in enumerate([0, 5, 10, 15, 20]):
        survival = math.exp(-0.1 * time)
        mean = 10 * survival + 50 * (1 - survival)
        variance = 10 * survival * (1 - survival) + 50 * (1 - survival)
        assert abs(numbers[:, column].mean() - mean) <= 3.5 * math.sqrt(variance / RUNS)
        assert abs(numbers[:, column].var() - variance) <= 3.5 * variance * math.sqrt(2 / RUNS)
    assert (numbers % 1 == 0).all()


def test_the_seed_alone_decides(engine: KineticEngine) -> None:
    first, again, other = (
        run(engine, BIRTH_DEATH, "kinetic_ssa", seed=seed, time_end=50, time_points=11) for seed in (7, 7, 8)
    )
    assert first.species_trajectories == again.species_trajectories
    assert first.species_trajectories != other.species_trajectories
    assert first.provenance.seed == 7


@pytest.mark.parametrize(
    ("model", "hurdle"),
    [
        ("species A = 10, B = 0; A -> B; kf*A - kr*B; kf = 1; kr = 1;", "reversible with one net law"),
        ("species A = 10; A => ; A; z = 1; z' = -z;", "rate rule of z whose rate changes"),
        ("species A = 10; A => ; A*time;", "rate of reaction _J0 that changes between two firings"),
        ("species A = 10; A => ; A; at time^2 > 1: A = 5;", "not along a straight line"),
        ("species A = 10; B = 5; A => ; A; B => ; B*abs(rateOf(A));", "how fast something changes"),
        ("species A = 10, B = 0; A => 0.5 B; A;", "no fixed whole number"),
    ],
)
def test_what_is_unsound_is_refused_by_name(engine: KineticEngine, model: str, hurdle: str) -> None:
    with pytest.raises(InvalidModelError, match=hurdle):
        run(engine, model, "kinetic_ssa")


def test_a_fraction_of_a_molecule_is_refused(engine: KineticEngine) -> None:
    with pytest.raises(ValidationError, match="no number of molecules"):
        run(engine, BIRTH_DEATH, "kinetic_ssa", initial_conditions={"S": 1.5})


@pytest.mark.parametrize(
    "model",
    ["species A = 2; A => ; 1;", "species A = 5; A => ; A*(3 - A);", "species A = 5; => A; k; k = -1;"],
)
def test_a_negative_outcome_fails_without_numbers(engine: KineticEngine, model: str) -> None:
    result = run(engine, model, "kinetic_ssa", time_end=50, time_points=51)
    assert result.status == "failed"
    assert result.species_trajectories is None


@pytest.mark.parametrize("text", ["x := normal(0, 1);", "species A = 3; A => ; normal(0, 1);"])
def test_draws_outside_of_moments_are_refused_by_name(engine: KineticEngine, text: str) -> None:
    with pytest.raises(InvalidModelError, match="random draw outside"):
        run(engine, text, "kinetic_ssa")


EVENTFUL = (
    "species A = poisson(20); A => ; k*A; k = 0.2; z = 0; z' = 1; x = 0;"
    "at z >= 1: z = 0, x = normal(A, 1); at time >= 2.5: A = 30;"
)


def test_one_trajectory_is_member_0(engine: KineticEngine) -> None:
    """Events, clocks and draws run in lanes; what happens at a time shows at that time."""
    grid = {"time_end": 5, "time_points": 11, "outputs": ["A", "x", "z"], "seed": 12}
    one = run(engine, EVENTFUL, "kinetic_ssa", **grid)
    assert one.provenance.settings["integrator"] == "lanes"
    assert one.species_trajectories is not None
    assert one.species_trajectories["A"][5] == 30
    members = {"method": "ssa", "report": "values", "members": 3}
    many = run(engine, EVENTFUL, "kinetic_ensemble", **grid, **members)
    assert many.members is not None
    assert many.members.values is not None
    table = np.array(many.members.values.numbers).reshape(many.members.values.shape)
    assert (np.array([one.species_trajectories[name] for name in ("A", "x", "z")]) == table[0].T).all()
    assert (table[0] != table[1]).any()
    part = run(engine, EVENTFUL, "kinetic_ensemble", **grid, **members, part={"first": 1, "count": 2})
    assert part.members is not None
    assert part.members.values is not None
    assert (np.array(part.members.values.numbers).reshape(part.members.values.shape) == table[1:]).all()


def test_what_libroadrunner_does_not_do_exactly_it_is_not_given(engine: KineticEngine) -> None:
    with pytest.raises(InvalidModelError, match="not exact on this model"):
        run(engine, EVENTFUL, "kinetic_ensemble", method="ssa", members=2, engine="libroadrunner")


def test_a_trajectory_that_stops_fails_without_numbers(engine: KineticEngine) -> None:
    result = run(engine, "species A = 3; A => ; A; at time > 1: A = 2.5;", "kinetic_ssa", time_end=5)
    assert result.status == "failed"
    assert "no whole number of molecules" in result.message
    assert result.species_trajectories is None


def test_moments_of_birth_and_death_through_an_ensemble(engine: KineticEngine) -> None:
    """The service's own mean and standard deviation of 10,000 members, beside the analytic ones."""
    members = 10_000
    ensemble = {"method": "ssa", "members": members, "report": "summary", "bins": 0, "seed": 5}
    result = run(
        engine, BIRTH_DEATH, "kinetic_ensemble", **ensemble, time_end=20, time_points=5, outputs=["S"]
    )
    assert result.summary is not None
    survival = np.exp(-0.1 * np.linspace(0, 20, 5))
    mean = 10 * survival + 50 * (1 - survival)
    variance = 10 * survival * (1 - survival) + 50 * (1 - survival)
    means, deviations = (
        np.array(each.numbers) for each in (result.summary.mean, result.summary.standard_deviation)
    )
    assert (np.abs(means - mean) <= 4 * np.sqrt(variance / members)).all()
    assert (np.abs(deviations**2 - variance) <= 5 * variance * np.sqrt(2 / members)).all()


def test_hill_repression_is_sound(engine: KineticEngine) -> None:
    model = "species P = 0; -> P; a/(1 + (P/K)^n); P -> ; d*P; a = 20; K = 10; n = 2; d = 0.5;"
    assert run(engine, model, "kinetic_ssa").status == "completed"
