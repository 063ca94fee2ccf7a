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
        ("species A = 10; A => ; A; z = 1; z' = 1;", "z is integrated by a rate rule"),
        ("species A = 10; A => ; A*time;", "depends on the time"),
        ("species A = 10; A => ; A; at time > 1: A = 5;", "events"),
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


def test_hill_repression_is_sound(engine: KineticEngine) -> None:
    model = "species P = 0; -> P; a/(1 + (P/K)^n); P -> ; d*P; a = 20; K = 10; n = 2; d = 0.5;"
    assert run(engine, model, "kinetic_ssa").status == "completed"
