"""What kinetic analyses tell of their progress while they run; their answers do not depend on it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.engines.hearing import rises, told
from tests.server.engines.kinetic.models import DECAY, plain, run

from bioxen.server.engines.kinetic import KineticEngine

FIT: dict[str, Any] = {
    "measured_times": [0.5, 1.0, 2.0, 3.0],
    "measurements": {"A": [8.0, 6.5, 4.2, 2.7]},
    "estimate": {"k": {"lower": 0.01, "upper": 10.0}},
    "starts": 20,
}


def test_a_fit_tells_its_starts_and_then_its_profiles(
    engine: KineticEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(**more: Any) -> str:
        return plain(run(engine, DECAY, "kinetic_parameter_estimation", **FIT, **more))

    silent, spoken = fit(profile=["k"]), []
    heard = told(monkeypatch, lambda: spoken.append(fit(profile=["k"])))
    assert spoken == [silent]
    assert list(heard) == ["starts", "profiles"]
    assert rises(heard["starts"], heard["profiles"])
    assert max(heard["starts"]) > 0.4
    assert max(told(monkeypatch, fit)["starts"]) > 0.9  # without profiles they are all there is


def test_a_branch_tells_how_much_of_its_range_is_behind_it(
    engine: KineticEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "species A = 10; => A; b; A => ; k*A; b = 2; k = 0.5;"
    heard = told(
        monkeypatch,
        lambda: run(engine, text, "kinetic_continuation", parameter="b", lower=1.0, upper=4.0),
    )
    assert rises(heard["branch"])
    assert max(heard["branch"]) > 0.8


def test_analyses_of_variants_share_the_whole(engine: KineticEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = told(
        monkeypatch,
        lambda: run(
            engine,
            "species A = 10; => A; b; A => ; k*A; b = 2; k = 0.5;",
            "kinetic_batch",
            variants=[{"parameters": {"k": k}} for k in (0.4, 0.5)],
            analysis={"process_code": "kinetic_continuation", "parameter": "b", "lower": 1.0, "upper": 4.0},
        ),
    )
    assert heard["variants"] == [0.0, 0.5]
    assert rises(heard["branch"])
    assert min(heard["branch"]) < 0.1
    assert max(heard["branch"]) > 0.9


@pytest.mark.parametrize("process", ["kinetic_ode", "kinetic_ssa", "kinetic_steady_state"])
def test_one_run_tells_nothing(engine: KineticEngine, monkeypatch: pytest.MonkeyPatch, process: str) -> None:
    text = "species A = 10; => A; b; A => ; k*A; b = 2; k = 0.5;"
    assert told(monkeypatch, lambda: run(engine, text, process)) == {}
