"""What metabolic analyses tell of their progress while they run."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from tests.server.engines.hearing import rises, told
from tests.server.engines.metabolic.bench import encoded, run, toy

from bioxen.server.engines import progress
from bioxen.server.engines.metabolic import knockouts, milp
from bioxen.server.engines.metabolic.rows import highs_of


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


@pytest.mark.parametrize(
    ("process", "request_", "heard"),
    [
        (
            "metabolic_robustness",
            {"reaction": "EX_glc__D_e", "points": 4},
            {"points": [0.0, 0.25, 0.5, 0.75]},
        ),
        (
            "metabolic_phase_plane",
            {"reactions": ["EX_glc__D_e", "EX_o2_e"], "points": 2},
            {"rows": [0.0, 0.5]},
        ),
        ("metabolic_production_envelope", {"reactions": ["EX_ac_e"], "points": 2}, {"points": [0.0, 0.5]}),
        (
            "metabolic_loopless_fva",
            {"reactions": ["PFK", "PGI", "FUM", "CS"]},
            {"reactions": [0.0, 0.25, 0.5, 0.75]},
        ),
    ],
)
def test_points_are_counted_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch, process: str, request_: dict[str, Any], heard: dict[str, list[float]]
) -> None:
    silent, spoken = encoded(run("textbook", process, **request_)), list[str]()
    assert told(monkeypatch, lambda: spoken.append(encoded(run("textbook", process, **request_)))) == heard
    assert spoken == [silent]


@pytest.mark.parametrize(
    "process",
    ["metabolic_single_reaction_deletion", "metabolic_essential_genes", "metabolic_double_gene_deletion"],
)
def test_deletions_are_counted(monkeypatch: pytest.MonkeyPatch, process: str) -> None:
    monkeypatch.setattr(knockouts, "CHUNK", 8)  # of 4,096, a small model has one
    silent, spoken = encoded(run("textbook", process)), list[str]()
    heard = told(monkeypatch, lambda: spoken.append(encoded(run("textbook", process))))
    assert spoken == [silent]
    assert list(heard) == ["deletions"]
    assert rises(heard["deletions"])
    assert max(heard["deletions"]) > 0.6


def test_ranges_that_the_kernel_leaves_open_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"reactions": ["PFK", "PGI", "FUM", "CS"]}
    assert told(monkeypatch, lambda: run("textbook", "metabolic_fva", **asked)) == {
        "reactions": [0.0, 0.25, 0.5, 0.75]
    }


def test_a_search_says_that_it_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows how long it takes. The solver here waits until it was heard."""
    fork = toy(
        ("IN", {"a_c": 1}, 0, 10),
        ("LEFT", {"a_c": -1, "b_c": 1}, 0, 10),
        ("RIGHT", {"a_c": -1, "b_c": 1}, 0, 10),
        ("OUT", {"b_c": -1}, 0, 10),
    )
    before = {"IN": 5.0, "LEFT": 5.0, "RIGHT": 0.0, "OUT": 5.0}

    def answer() -> str:
        return encoded(run(fork, "metabolic_room", reference=before, reaction_knockouts=["LEFT"]))

    silent = answer()
    heard, begun = dict[str, list[float]](), threading.Event()

    def held(*given: Any) -> Any:
        highs = highs_of(*given)
        solve = highs.run
        highs.run = lambda: begun.wait(60) and solve()
        return highs

    def listen(fraction: float, phase: str) -> None:
        heard.setdefault(phase, []).append(fraction)
        if phase == "search":
            begun.set()

    monkeypatch.setattr(milp, "highs_of", held)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.heard_by(listen):
        assert answer() == silent
    assert heard["search"] == [0.0]


@pytest.mark.parametrize("process", ["metabolic_fba", "metabolic_pfba"])
def test_one_program_tells_nothing(monkeypatch: pytest.MonkeyPatch, process: str) -> None:
    assert told(monkeypatch, lambda: run("textbook", process)) == {}
