"""What metabolic analyses tell of their progress while they run."""

from __future__ import annotations

import pytest
from tests.server.engines.hearing import rises, told
from tests.server.engines.metabolic.bench import encoded, run


def test_sampling_tells_its_rounding_and_then_its_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    def sample() -> str:
        return encoded(run("textbook", "metabolic_sampling", samples=64))

    silent, spoken = sample(), []
    heard = told(monkeypatch, lambda: spoken.append(sample()))
    assert spoken == [silent]
    assert list(heard) == ["rounding", "samples"]
    assert rises(heard["rounding"], heard["samples"])


def test_dynamic_fba_tells_its_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = told(
        monkeypatch,
        lambda: run(
            "textbook",
            "metabolic_dfba",
            time_end=1.0,
            time_points=5,
            initial_biomass=0.1,
            initial_concentrations={"EX_glc__D_e": 10.0},
        ),
    )
    assert heard == {"intervals": [0.0, 0.2, 0.4, 0.6, 0.8]}


def test_analyses_of_variants_share_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = told(
        monkeypatch,
        lambda: run(
            "textbook",
            "metabolic_batch",
            variants=[{}, {"reaction_knockouts": ["PFK"]}],
            analysis={"process_code": "metabolic_sampling", "samples": 64},
            report="results",
        ),
    )
    assert heard["variants"] == [0.0, 0.5]
    assert min(heard["samples"]) < 0.5 < max(heard["samples"])


@pytest.mark.parametrize("process", ["metabolic_fba", "metabolic_pfba", "metabolic_fva"])
def test_one_program_tells_nothing(monkeypatch: pytest.MonkeyPatch, process: str) -> None:
    assert told(monkeypatch, lambda: run("textbook", process)) == {}
