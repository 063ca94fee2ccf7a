"""Numbers at the ends of what there is: an outcome, or an error that names them; no fault of the engine."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.engines.kinetic.models import DECAY, run

from bioxen.server.engines.kinetic import KineticEngine

FIT: dict[str, Any] = {
    "measured_times": [1.0, 2.0],
    "measurements": {"[A]": [6.0, 4.0]},
    "estimate": {"k": {"lower": 0.01, "upper": 1.0}},
    "starts": 2,
}
BLOWS_UP = "x = 1; k = 1; x' = k*x^2"


@pytest.mark.parametrize("choice", ["lanes", "libroadrunner"])
@pytest.mark.parametrize("starts", [1, 3])
def test_a_fit_of_what_runs_nowhere_is_failed(engine: KineticEngine, choice: str, starts: int) -> None:
    fields = {**FIT, "measurements": {"x": [1.0, 1.0]}, "estimate": {"k": {"lower": 5.0, "upper": 9.0}}}
    result = run(
        engine, BLOWS_UP, "kinetic_parameter_estimation", **{**fields, "starts": starts, "engine": choice}
    )
    assert result.status == "failed" and result.estimation is None
    assert "At no start" in result.message


def test_a_start_where_the_model_does_not_run_is_passed_over(engine: KineticEngine) -> None:
    """x(1) = 1/(1 - k): beyond k = 1 there is nothing, and the first start is there."""
    fields: dict[str, Any] = {
        "measured_times": [1.0],
        "measurements": {"x": [2.0]},
        "estimate": {"k": {"lower": 0.01, "upper": 3.0, "start": 2.5, "scale": "linear"}},
        "starts": 4,
    }
    found = run(engine, BLOWS_UP, "kinetic_parameter_estimation", **fields).estimation
    assert found is not None and found.start_costs[0] is None
    assert found.parameters["k"].value == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"noise": {"[A]": {"kind": "log", "sigma": 1e-300}}}, "failed"),
        ({"noise": {"[A]": {"kind": "relative", "sigma": 1e300}}}, "completed"),
        ({"measurements": {"[A]": [1e308, -1e308]}}, "failed"),
    ],
)
def test_residuals_beyond_every_number(engine: KineticEngine, change: dict[str, Any], status: str) -> None:
    result = run(engine, DECAY, "kinetic_parameter_estimation", **{**FIT, **change})
    assert result.status == status
    if result.estimation is not None:
        assert result.estimation.parameters["k"].standard_error is None


def test_a_parameter_next_to_nothing_is_varied_like_none(engine: KineticEngine) -> None:
    for value in (0.0, 5e-324, 1e-300):
        fields: dict[str, Any] = {"parameters": {"k": value}, "time_end": 2.0}
        rows = run(engine, DECAY, "kinetic_sensitivity", **fields).sensitivities
        assert rows is not None and rows[0].unscaled == pytest.approx(-20.0, rel=1e-4)
