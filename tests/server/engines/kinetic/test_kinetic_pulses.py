"""What the time alone switches is never stepped over: pulse trains against integrals, whoever answers."""

from __future__ import annotations

import math
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.server.engines.kinetic.models import run

from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.loader import from_antimony
from bioxen.server.engines.kinetic.switching import Switches, TooManySwitches, isolate, switching_times
from bioxen.server.engines.kinetic.switching.conditions import Conditions
from bioxen.server.engines.kinetic.switching.isolate import MOST

WIDTH = 2 * math.acos(0.99999)
"""How long sin(time) stays above 0.99999."""
HUMP = 2 * math.sin(WIDTH / 2) - 0.99999 * WIDTH
"""The integral of what it is above."""
TRAINS = {
    "A' = piecewise(1, sin(time) > 0.99999, 0);": 16 * WIDTH,
    "A' = piecewise(1, q > 0.99999, 0); q := sin(time);": 16 * WIDTH,
    "A' = max(0, sin(time) - 0.99999);": 16 * HUMP,
    "A' = piecewise(1, time - 24*floor(time/24) < 0.001, 0);": 0.005,
    "A' = piecewise(1, rem(time, 24) < 0.001, 0);": 0.005,
    "A' = piecewise(1, quotient(time*6, 1) == 444, 0);": 1 / 6,
    "A' = piecewise(1, cos(time/8)^2000 > 0.5, 0);": 56 * math.acos(0.5 ** (1 / 2000)),
    "A' = delay(q, 5); q := piecewise(1, sin(time) > 0.99999, 0);": 15 * WIDTH,
    "A' = 0; at (sin(time) > 0.99999): A = A + 1;": 16,
    "A' = 0; at (time > 50 && time < 50.00001): A = A + 1;": 1,
    "A' = piecewise(1, time > p && time < p + 1e-4, 0); p = 1000; at (time > 50): p = time + 7;": 1e-4,
}  # fmt: skip


@pytest.mark.parametrize("text", TRAINS)
def test_no_pulse_of_a_train_is_missed(engine: KineticEngine, text: str) -> None:
    result = run(engine, f"A = 0; {text}", time_end=100.0, time_points=2, outputs=["A"])
    assert result.final_state == pytest.approx({"A": TRAINS[text]}, rel=1e-4), result.message


def test_named_or_not_the_general_solver_stops_at_them(engine: KineticEngine) -> None:
    text = "A = 0; A' = piecewise(1, sin(time) > 0.99999, 0);"
    for name in ("lsoda", "radau", "rk45", "dop853"):
        result = run(engine, text, integrator=name, time_end=100.0, time_points=2, outputs=["A"])
        assert result.final_state == pytest.approx({"A": 16 * WIDTH}, rel=1e-6)


@pytest.mark.parametrize("solver", ["libroadrunner", "lanes"])
def test_each_member_has_switches_of_its_own(engine: KineticEngine, solver: str) -> None:
    text = "A = 0; A' = piecewise(1, sin(time) > level, 0) + max(0, cos(time) - level); level = 0.9;"
    levels = [0.9, 0.999, 0.999999, 1.5]
    asked: dict[str, Any] = {"axes": {"level": {"values": levels}}, "time_end": 100.0, "time_points": 2}
    result = run(engine, text, "kinetic_scan", engine=solver, outputs=["A"], **asked)
    assert result.members is not None and result.members.features is not None, result.message
    assert not any("audit" in way for way in result.members.methods)
    halves = [math.acos(min(level, 1.0)) for level in levels]
    humps = [math.sin(half) - min(level, 1.0) * half for half, level in zip(halves, levels, strict=True)]
    exact = [32 * half + 31 * hump for half, hump in zip(halves, humps, strict=True)]
    assert result.members.features.numbers == pytest.approx(exact, rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("solver", ["libroadrunner", "lanes"])
def test_pulses_of_events_in_a_scan(engine: KineticEngine, solver: str) -> None:
    text = "A = 0; B = 1; B' = -B; at (sin(time) > level): A = A + 1; level = 0.9;"
    asked: dict[str, Any] = {"axes": {"level": {"values": [0.9, 0.99999]}}, "time_end": 100.0}
    result = run(engine, text, "kinetic_scan", engine=solver, time_points=2, outputs=["A"], **asked)
    assert result.members is not None and result.members.features is not None, result.message
    assert result.members.features.numbers == pytest.approx([16, 16])


@pytest.mark.parametrize("frequency", [1e3, 1e6])
def test_too_many_pulses_are_refused(engine: KineticEngine, frequency: float) -> None:
    text = f"A = 0; A' = piecewise(1, sin({frequency}*time) > 0.9, 0);"
    result = run(engine, text, time_end=1000.0, outputs=["A"])
    assert result.status == "failed"
    assert f"more than {MOST} times" in result.message
    assert "shorter time" in result.message


def test_too_many_pulses_of_one_member(engine: KineticEngine) -> None:
    text = "A = 0; A' = piecewise(1, sin(f*time) > 0.9, 0); f = 1;"
    axes = {"f": {"values": [1.0, 1e6]}}
    request: dict[str, Any] = {"axes": axes, "time_end": 100.0, "time_points": 2, "outputs": ["A"]}
    result = run(engine, text, "kinetic_scan", engine="lanes", **request)
    assert result.members is not None and result.members.features is not None
    numbers = result.members.features.numbers
    assert numbers is not None and numbers[0] == pytest.approx(32 * math.acos(0.9), rel=1e-4)
    [(words, members)] = result.members.failures.items()
    assert members == [1] and f"more than {MOST} times" in words


@pytest.mark.parametrize(
    ("text", "method"),
    [
        ("A = 1; A' = -A;", "cvode_bdf"),
        ("A = 1; A' = -A*(1 + sin(time));", "cvode_bdf"),
        ("A = 1; A' = -A; at (time > 2): A = 2; at (time > 2.0001): A = 3;", "cvode_bdf"),
        ("A = 1; A' = -A; at (A < 0.5 && A > 0.4999): A = 2;", "cvode_bdf"),
        ("A = 1; A' = piecewise(1, time > 5, -A);", "cvode_bdf, short steps"),
        ("A = 1; A' = piecewise(1, sin(time) > 0.5, -A);", "cvode_bdf, short steps"),
    ],
)
def test_other_models_run_as_ever(engine: KineticEngine, text: str, method: str) -> None:
    result = run(engine, text, time_end=10.0, outputs=["A"])
    assert result.provenance.settings["method"] == method


def test_lanes_refuse_what_they_cannot_foresee(engine: KineticEngine) -> None:
    """An event moves a curve in time, so no time can be found before."""
    text = "A = 0; A' = piecewise(1, sin(time - t0) > 0.99999, 0); t0 = 0; at (time > 50): t0 = time;"
    result = run(engine, text, "kinetic_scan", axes={"t0": {"values": [0.0, 1.0]}}, time_end=100.0,
                 time_points=2, outputs=["A"])  # fmt: skip
    assert result.members is not None and result.members.features is not None, result.message
    assert result.members.features.numbers == pytest.approx([16 * WIDTH, 16 * WIDTH], rel=1e-4)


# What is found, against dense sampling


def formulas() -> st.SearchStrategy[Any]:
    """Return strategies of makers of graphs: expressions of the time."""
    numbers = st.sampled_from([-3.0, -1.5, -0.5, 0.25, 0.75, 1.0, 2.0, 7.0])
    leaves = st.one_of(st.just(("time",)), st.just(("time",)), numbers.map(lambda value: ("constant", value)))
    unary = ["neg", "sin", "cos", "abs", "floor", "ceil", "trunc", "exp", "sqrt", "log", "atan", "tanh"]
    binary = ["add", "sub", "mul", "div", "min", "max", "rem", "pow"]

    def more(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        choice = st.tuples(st.just("choice"), inner, inner, inner)
        return st.one_of(
            st.tuples(st.sampled_from(unary), inner), st.tuples(st.sampled_from(binary), inner, inner), choice
        )

    return st.recursive(leaves, more, max_leaves=8)


def made(graph: Graph, tree: Any) -> Node:
    """Return a tree as a node."""
    kind, *parts = tree
    if kind == "constant":
        return graph.constant(parts[0])
    if kind == "time":
        return graph.input("time")
    nodes = [made(graph, part) for part in parts]
    if kind == "choice":
        return graph.choose(graph.make("lt", nodes[0], graph.one), nodes[1], nodes[2])
    return graph.make(kind, *nodes)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(formulas(), st.sampled_from(["lt", "le", "eq", "floor"]), st.integers(0, 2**32 - 1))
def test_between_two_switches_nothing_switches(tree: Any, operation: str, seed: int) -> None:
    """Every outcome, sampled densely and at the very ends, is one and the same from switch to switch."""
    graph = Graph()
    sides = [made(graph, tree), graph.constant(0.3)]
    root = graph.make(operation, *(sides[:1] if operation == "floor" else sides))
    conditions = Conditions(graph, [root])
    try:
        with patch.object(isolate, "_STRETCHES", 2000):  # to refuse soon what is refused
            found = switching_times(conditions, [], 0.0, 10.0)
    except TooManySwitches:
        assume(False)
    assert (np.diff(found.ravel()) >= 0).all()
    edges = np.concatenate([[0.0], found.ravel(), [10.0]]).reshape(-1, 2)
    random = np.random.default_rng(seed)
    outcomes = [one.outcome for one in conditions.found]
    for begin, end in edges[np.argsort(edges[:, 0] - edges[:, 1])[:20]]:
        if end > begin:
            inner = random.uniform(begin, end, 60 if end - begin > 1e-12 else 0)
            times = [float(time) for time in (begin, *inner, end)]
            every = [graph.evaluate(outcomes, time, [], []) for time in times]
            seen = {repr([float(one) + 0.0 for one in each]) for each in every}  # a zero has no sign
            assert len(seen) == 1, (begin, end)


def test_a_touch_is_enclosed() -> None:
    """A level that only touches its threshold is no switch of two sides, and still a time to stop at."""
    graph = Graph()
    level = graph.make("sin", graph.input("time"))
    found = switching_times(Conditions(graph, [graph.make("le", graph.one, level)]), [], 0.0, 20.0)
    tops = np.pi * (0.5 + 2 * np.arange(3))
    assert len(found) == 3
    assert (found[:, 0] < tops).all() and (found[:, 1] > tops).all()
    assert np.ptp(found, axis=1).max() < 1e-6


@pytest.mark.parametrize(
    "text",
    [
        "A = 1; A' = -A*piecewise(1, A > 0.5, 2);",
        "A = 1; A' = -A*time;",
        "A = 1; A' = piecewise(1, time > 5, -A);",
        "A = 1; A' = -A; at (time > 2): A = 2; at (time > 3): A = 3;",
    ],
)
def test_what_switches_once_is_not_searched_for(text: str) -> None:
    assert not Switches(from_antimony(text))
