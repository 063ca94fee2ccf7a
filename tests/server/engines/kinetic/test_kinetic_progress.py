"""What kinetic analyses tell of their progress while they run; their answers do not depend on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.server.engines.hearing import rises, told
from tests.server.engines.kinetic.models import DECAY, REPRESSILATOR, plain, run

from bioxen.server.engines import progress
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.lanes.ode import run as ode
from bioxen.server.engines.kinetic.lanes.ssa import stochastic
from bioxen.server.engines.kinetic.runner import Runner

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


OPEN = "species A = 10; => A; b; A => ; k*A; b = 2; k = 0.5;"
EVENTFUL = f"{OPEN} q = 0; at time > 3.1: b = 3; at A > 5, t0 = false: q = q + 1;"
JUMPING = "u = 1; u' = piecewise(1, time < 3.3, -1)*u;"
GRID: dict[str, Any] = {"time_end": 7.3, "time_points": 31}


@pytest.mark.parametrize(
    ("text", "process", "request_", "count"),
    [
        (OPEN, "kinetic_ode", {}, 30),
        (OPEN, "kinetic_ode", {"time_start": 0.3, "integrator": "cvode_adams"}, 30),
        (EVENTFUL, "kinetic_ode", {}, 30),
        (JUMPING, "kinetic_ode", {"integrator": "auto"}, 60),
        (REPRESSILATOR, "kinetic_oscillation", {"time_end": 60.0, "time_points": 301}, None),
        (OPEN, "kinetic_ssa", {"seed": 3}, 30),
    ],
)
def test_one_run_tells_its_time_and_nothing_else_changes(
    engine: KineticEngine,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    process: str,
    request_: dict[str, Any],
    count: int | None,
) -> None:
    def answer() -> str:
        return plain(run(engine, text, process, **(GRID | request_)))

    silent, spoken = answer(), []
    heard = told(monkeypatch, lambda: spoken.append(answer()))
    assert spoken == [silent]
    assert '"status":"completed"' in silent
    assert list(heard) == ["time"]
    assert rises(heard["time"])
    assert heard["time"][0] < 0.1
    assert len(heard["time"]) == count or count is None
    if process != "kinetic_oscillation":  # which ends in the middle where one run was enough
        assert heard["time"][-1] == 1.0


def test_the_general_solver_tells_its_steps(engine: KineticEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer() -> str:
        return plain(run(engine, EVENTFUL, integrator="lsoda", **GRID))

    silent, spoken = answer(), []
    heard = told(monkeypatch, lambda: spoken.append(answer()))
    assert spoken == [silent]
    assert rises(heard["time"])
    assert heard["time"][-1] == 1.0


@pytest.mark.parametrize("process", ["kinetic_steady_state", "kinetic_control"])
def test_what_settles_tells_the_decades_of_its_time(
    engine: KineticEngine, monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    silent, spoken = plain(run(engine, OPEN, process)), []
    heard = told(monkeypatch, lambda: spoken.append(plain(run(engine, OPEN, process))))
    assert spoken == [silent]
    assert list(heard) == ["decades"]
    assert rises(heard["decades"])


def test_sensitivities_tell_their_parameters(engine: KineticEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, lambda: run(engine, OPEN, "kinetic_sensitivity")) == {"parameters": [0.0, 0.5]}


def test_single_requests_do_not_pay_for_it(engine: KineticEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody asked to be told, libRoadRunner's own simulation runs; so it does for two points."""
    monkeypatch.setattr(Runner, "_point_by_point", None)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    heard: list[float] = []
    with progress.heard_by(lambda fraction, _: heard.append(fraction), closely=False):
        run(engine, OPEN, **GRID)
    with progress.heard_by(lambda fraction, _: heard.append(fraction)):
        run(engine, OPEN, time_end=7.3, time_points=2)
    assert heard == []


def test_runs_of_many_variants_are_silent(engine: KineticEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is a small share of a batch is no news; the variants tell enough."""

    def batch(count: int) -> dict[str, list[float]]:
        variants = [{"parameters": {"k": 0.4 + number / 1000}} for number in range(count)]
        analysis = {"process_code": "kinetic_oscillation", "time_end": 7.0, "time_points": 201}
        return told(
            monkeypatch, lambda: run(engine, OPEN, "kinetic_batch", variants=variants, analysis=analysis)
        )

    assert list(batch(2)) == ["variants", "time"]
    assert list(batch(101)) == ["variants"]


@pytest.mark.parametrize(
    ("process", "members", "method"),
    [
        ("kinetic_tau_leaping", 0, None),
        ("kinetic_ssa", 0, None),
        ("kinetic_ensemble", 20, "ssa"),
        ("kinetic_ensemble", 20, "ode"),
    ],
)
def test_lanes_are_seen_at_work(
    engine: KineticEngine,
    monkeypatch: pytest.MonkeyPatch,
    process: str,
    members: int,
    method: str | None,
) -> None:
    """The driver here stops half-way, until that was heard."""
    request: dict[str, Any] = {"seed": 3, **GRID}
    text = OPEN if process == "kinetic_tau_leaping" else EVENTFUL
    if members:
        distributions = {"k": {"kind": "uniform", "lower": 0.4, "upper": 0.6}}
        request |= {"members": members, "distributions": distributions, "method": method}
    silent = plain(run(engine, text, process, **request))
    half = threading.Event()
    for module, driver, place in ((stochastic, "direct", -3), (stochastic, "leap", -3), (ode, "drive", -5)):
        monkeypatch.setattr(module, driver, _held_half_way(getattr(module, driver), place, half))
    monkeypatch.setattr(progress, "EVERY", 0.0)
    heard: dict[str, list[float]] = {}

    def listen(fraction: float, phase: str) -> None:
        heard.setdefault(phase, []).append(fraction)
        if fraction >= 0.4:
            half.set()

    with progress.heard_by(listen):
        assert plain(run(engine, text, process, **request)) == silent
    assert list(heard) == ["members" if members else "time"]
    assert rises(*heard.values())


def _held_half_way(driver: Callable[..., None], place: int, half: threading.Event) -> Callable[..., None]:
    def held(*given: Any) -> None:
        values = given[place]
        driver(*given)
        if values.size and values.shape[1] > 1:  # no probe of how stiff the model is
            whole = values.copy()
            values[:] = np.nan
            values[:, : values.shape[1] // 2] = whole[:, : values.shape[1] // 2]
            assert half.wait(60)
            values[:] = whole

    return held
