"""A request leaves no trace: any sequence of requests gives the bytes that a fresh engine gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.server.engines.kinetic.models import DELAYED, KITCHEN_SINK, plain, run, series, source_of

from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.changes import Change
from bioxen.server.engines.kinetic.initial import with_changes
from bioxen.server.engines.kinetic.loader import from_antimony

Payload = dict[str, Any]

REQUESTS: list[Payload] = [
    {"time_end": 5, "time_points": 6},
    {"time_end": 5, "time_points": 6, "relative_tolerance": 1e-3, "absolute_tolerance": 1e-3},
    {"time_end": 5, "time_points": 6, "outputs": ["x", "q", "S1'", "kd"]},
    {"time_start": 1, "time_end": 2, "time_points": 3},
    {"parameters": {"k": 0.9}},
    {"parameters": {"kd": 4.0, "p": 1.0}},
    {"parameters": {"C": 5.0, "k": 0.1}},
    {"parameters": {"z": 4.0}},
    {"initial_conditions": {"[S1]": 1.0, "H": 2.0}},
    {"initial_conditions": {"S2": 1.0, "[B]": 9.0}},
    {"initial_conditions": {"y": -3.0, "z": 2.0}},
    {"process_code": "sensitivity_analysis", "time_end": 3, "sensitivity_parameters": ["k", "kd", "C"]},
    {
        "process_code": "parameter_estimation",
        "measured_times": [1, 2],
        "measurements": {"S1": [10.0, 8.0]},
        "estimate": {"k": {"lower": 0.1, "upper": 1.0}},
        "starts": 1,
    },
]
SSA: list[Payload] = [
    {"process_code": "kinetic_ssa", "seed": 3, "time_end": 9, "time_points": 4},
    {"process_code": "kinetic_ssa", "seed": 4, "time_end": 9, "time_points": 4, "parameters": {"k": 2.0}},
    {"process_code": "kinetic_steady_state"},
    {"time_end": 5, "time_points": 6},
    {"process_code": "kinetic_steady_state", "initial_conditions": {"A": 3.0}},
    {"time_end": 5, "time_points": 6, "initial_conditions": {"[A]": 3.0}},
]
REACTIONS = "species A = 10, B = 0; A => B; k*A; B => A; B; k = 0.5;"


def answers(text: str, requests: list[Payload]) -> list[str]:
    """Return what a fresh engine answers to each request on its own."""
    results = []
    for request in requests:
        engine = KineticEngine()
        results.append(plain(engine.run(engine.parse(request), engine.compile(source_of(text)))))
    return results


FRESH = {text: answers(text, requests) for text, requests in ((KITCHEN_SINK, REQUESTS), (REACTIONS, SSA))}


@pytest.mark.parametrize(
    ("text", "requests"), [(KITCHEN_SINK, REQUESTS), (REACTIONS, SSA)], ids=["rules", "ssa"]
)
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_any_order_gives_the_same_bytes(text: str, requests: list[Payload], data: st.DataObject) -> None:
    engine = KineticEngine()
    program = engine.compile(source_of(text))
    for index in data.draw(st.lists(st.integers(0, len(requests) - 1), min_size=2, max_size=8)):
        assert plain(engine.run(engine.parse(requests[index]), program)) == FRESH[text][index]


def test_waiting_events_do_not_reach_the_next_request(engine: KineticEngine) -> None:
    program = engine.compile(source_of(DELAYED))
    request = engine.parse({"time_end": 2, "time_points": 3, "outputs": ["P"]})
    longer = engine.parse({"time_end": 10, "time_points": 11, "outputs": ["P"]})
    first = engine.run(longer, program)
    engine.run(request, program)
    assert plain(engine.run(longer, program)) == plain(first)
    assert first.final_state == {"P": 2.25}


def test_events_that_fire_together_do_so_in_the_order_of_the_text(engine: KineticEngine) -> None:
    tied = "a = 1; t = 0; t' = 1; at time > 1: a = a + 1; at time > 1: a = a*2; at time > 1: a = a + 5;"
    tied = tied.replace("1:", "1, fromTrigger = false:")
    program = engine.compile(source_of(tied))
    request = engine.parse({"time_end": 3, "time_points": 2, "outputs": ["a"]})
    assert {engine.run(request, program).final_state["a"] for _ in range(12)} == {9.0}  # type: ignore[index]


def test_a_model_cannot_replace_the_simulators_methods(engine: KineticEngine) -> None:
    run(engine, "reset = 1; simulate = 2; getValue = 3; species A = 1; A => ; A;")
    assert run(engine, "species A = 1; A => ; A;").status == "completed"


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": {"k": 0.9}},
        {"parameters": {"kd": 0.9}},
        {"parameters": {"C": 4.0}},
        {"parameters": {"C": 4.0, "k": 0.2, "kd": 5.0}},
        {"parameters": {"p": 5.0}},
        {"initial_conditions": {"[S1]": 2.5}},
        {"initial_conditions": {"S1": 2.5, "S2": 1.0}},
        {"parameters": {"k": 2.0}, "initial_conditions": {"[S2]": 1.0, "y": 4.0}},
    ],
    ids=str,
)
def test_a_change_means_what_it_means_in_the_models_text(engine: KineticEngine, changes: Payload) -> None:
    """The oracle: write the values into the SBML by hand, and run that."""
    everything = ["S1", "S2", "B", "H", "C", "k", "kd", "x", "q", "p", "z", "y"]
    request: Payload = {"time_end": 6, "time_points": 7, "outputs": everything, "relative_tolerance": 1e-9}
    given = [Change(*pair) for group in changes.values() for pair in group.items()]
    written = with_changes(from_antimony(KITCHEN_SINK), given)
    expected = engine.run(engine.parse(request), engine.compile(source_of(written, "sbml")))
    got = run(engine, KITCHEN_SINK, **request, **changes)
    for name in everything:
        np.testing.assert_allclose(series(got, name), series(expected, name), rtol=1e-7)
