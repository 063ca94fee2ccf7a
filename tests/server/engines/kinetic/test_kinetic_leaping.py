"""Tau-leaping: approximate, and said to be; against known moments and the direct method."""

from __future__ import annotations

import numpy as np
import pytest
from tests.server.engines.kinetic.models import BIRTH_DEATH, DECAY, GENE_EXPRESSION, plain, run

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.protocol.kinetic import TauLeapingRequest
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.studies.arrays import read

CODE = "kinetic_tau_leaping"


def test_a_result_says_that_it_is_approximate(engine: KineticEngine) -> None:
    result = run(engine, GENE_EXPRESSION, CODE, epsilon=0.01, seed=5, time_end=20.0)
    assert TauLeapingRequest.kisao == "KISAO:0000039"
    assert "approximate" in result.message
    settings = result.provenance.settings
    assert (settings["method"], settings["epsilon"], settings["exact"]) == ("tau-leaping", 0.01, False)
    assert result.provenance.seed == 5
    assert result.species_trajectories is not None
    protein = result.species_trajectories["[p]"]
    assert all(value is not None and value == round(value) for value in protein)


def test_the_seed_decides(engine: KineticEngine) -> None:
    first, again, other = (run(engine, BIRTH_DEATH, CODE, seed=seed) for seed in (1, 1, 2))
    assert plain(first) == plain(again)
    assert first.species_trajectories != other.species_trajectories


def test_one_trajectory_is_the_first_member_of_an_ensemble(engine: KineticEngine) -> None:
    request = {"time_end": 20.0, "time_points": 5, "seed": 8, "epsilon": 0.05}
    alone = run(engine, GENE_EXPRESSION, CODE, **request)
    many = run(
        engine,
        GENE_EXPRESSION,
        "kinetic_ensemble",
        method="tau_leaping",
        members=3,
        report="values",
        **request,
    )
    assert many.members is not None
    assert many.members.values is not None
    assert many.members.methods == {"lanes tau-leaping, epsilon 0.05": 3}
    assert alone.species_trajectories is not None
    assert read(many.members.values.model_dump())[0].T.tolist() == list(alone.species_trajectories.values())


def test_members_have_the_known_moments(engine: KineticEngine) -> None:
    """Birth and death end in a Poisson distribution; its mean is 2000."""
    count, mean = 600, 2000.0
    fields = {"parameters": {"birth": 2000.0, "death": 1.0}, "initial_conditions": {"S": mean}}
    result = run(
        engine,
        BIRTH_DEATH,
        "kinetic_ensemble",
        method="tau_leaping",
        members=count,
        time_end=8.0,
        time_points=2,
        **fields,
    )
    assert result.members is not None
    assert result.members.features is not None
    ends = read(result.members.features.model_dump())[:, 0, 0]
    assert ends.mean() == pytest.approx(mean, abs=5 * np.sqrt(mean / count))
    assert ends.var(ddof=1) == pytest.approx(mean, rel=0.03 + 5 * np.sqrt(2 / count))


def test_what_cannot_leap_is_refused(engine: KineticEngine) -> None:
    with pytest.raises(InvalidModelError, match="unsound"):
        run(engine, "J0: S1 -> S2; k1*S1 - k2*S2; S1 = 10; S2 = 0; k1 = 1; k2 = 1;", CODE)
    with pytest.raises(ValidationError, match="no number of molecules"):
        run(engine, DECAY, CODE, initial_conditions={"A": 1.5})
    with pytest.raises(ValidationError) as caught:
        run(
            engine,
            DECAY,
            "kinetic_ensemble",
            method="tau_leaping",
            engine="libroadrunner",
            distributions={"k": {"kind": "uniform", "lower": 0.1, "upper": 1.0}},
        )
    assert caught.value.details["place"] == "engine"
