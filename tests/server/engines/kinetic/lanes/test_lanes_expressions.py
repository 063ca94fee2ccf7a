"""Random expressions: generated code, numpy and Python's floats agree, and derivatives are slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.server.engines.kinetic.lanes.native_calls import call, run

from bioxen.server.engines.kinetic.lanes import arrays, emit
from bioxen.server.engines.kinetic.lanes.derivative import Derivatives
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.operations import MEANINGS

STATES = 3
NUMBERS = st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, -3.0, 1e-3, 7.25, 1e3])
POINTS = st.lists(st.floats(-4, 4, allow_nan=False), min_size=STATES, max_size=STATES)
AWAY_FROM_ZERO = st.lists(st.one_of(st.floats(0.1, 4), st.floats(-4, -0.1)), min_size=STATES, max_size=STATES)
SMOOTH_OF_ONE = ["neg", "exp", "sin", "cos", "atan", "tanh", "sqrt", "log"]
OF_ONE = [*SMOOTH_OF_ONE, "abs", "floor", "ceil", "trunc", "sinh", "cosh", "asinh", "tan", "log10", "asin"]
SMOOTH_OF_TWO = ["add", "sub", "mul", "div", "pow"]
OF_TWO = [*SMOOTH_OF_TWO, "min", "max", "rem"]
Tree = float | int | tuple[object, ...]


def trees(of_one: list[str], of_two: list[str], *, choices: bool) -> st.SearchStrategy[Tree]:
    """Return random formulas as nested tuples; an integer is a state."""
    leaves: st.SearchStrategy[Tree] = st.one_of(NUMBERS, st.integers(0, STATES - 1))

    def grow(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        kinds: list[st.SearchStrategy[Tree]] = [
            st.tuples(st.sampled_from(of_one), inner),
            st.tuples(st.sampled_from(of_two), inner, inner),
        ]
        if choices:
            relation = st.tuples(st.sampled_from(["lt", "le", "eq", "ne"]), inner, inner)
            either = st.tuples(st.sampled_from(["and", "or", "xor"]), relation, relation)
            condition = st.one_of(relation, either, st.tuples(st.just("not"), relation))
            kinds.append(st.tuples(st.just("select"), condition, inner, inner))
            kinds.append(st.tuples(st.just("number"), condition))
        return st.one_of(kinds)

    return st.recursive(leaves, grow, max_leaves=12)


def node_of(graph: Graph, tree: Tree) -> Node:
    if isinstance(tree, tuple):
        operation, *parts = tree
        return graph.make(str(operation), *(node_of(graph, part) for part in parts))  # type: ignore[arg-type]
    return graph.input("state", tree) if isinstance(tree, int) else graph.constant(tree)


def plain(tree: Tree, states: list[float], *, signed_zeros: bool = True) -> float:
    """Evaluate without the graph: no simplification, every operation in the order written."""
    if not isinstance(tree, tuple):
        return states[tree] if isinstance(tree, int) else tree
    operation, *parts = tree
    values = [plain(part, states, signed_zeros=signed_zeros) for part in parts]  # type: ignore[arg-type]
    value = MEANINGS[str(operation)](*values)
    return value if signed_zeros or isinstance(value, bool) else value + 0.0


def agree(a: float, b: float, scale: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= 1e-9 * scale


def is_steady(tree: Tree, states: list[float]) -> bool:
    """Whether rounding cannot flip a branch or a step, nor the sign of a zero: the value barely moves."""
    moved = [plain(tree, states, signed_zeros=False)]
    moved += [plain(tree, [value * (1 + change) for value in states]) for change in (-1e-12, 0.0, 1e-12)]
    scale = max(abs(moved[2]), 1e-6)
    return all(agree(value, moved[2], scale) for value in moved)


@settings(max_examples=150, deadline=None)
@given(trees(OF_ONE, OF_TWO, choices=True), POINTS)
def test_simplification_keeps_the_value(tree: Tree, states: list[float]) -> None:
    graph = Graph()
    node = node_of(graph, tree)
    assume(is_steady(tree, states))
    want = plain(tree, states)
    got = float(graph.evaluate([node], 0.0, states, [])[0])
    assert agree(got, want, max(abs(want), 1e-6)), (tree, states)


@settings(max_examples=60, deadline=None)
@given(st.lists(trees(OF_ONE, OF_TWO, choices=True), min_size=1, max_size=6), POINTS)
def test_native_code_agrees_with_python(formulas: list[Tree], states: list[float]) -> None:
    graph = Graph()
    nodes = [node_of(graph, tree) for tree in formulas]
    got = run(graph, nodes, np.array([states]))[0]
    for tree, value in zip(formulas, got, strict=True):
        if is_steady(tree, states):
            want = plain(tree, states)
            assert agree(float(value), want, max(abs(want), 1e-6)), tree


@settings(max_examples=100, deadline=None)
@given(trees(OF_ONE, OF_TWO, choices=True), POINTS)
def test_numpy_agrees_with_python(tree: Tree, states: list[float]) -> None:
    graph = Graph()
    inputs = [graph.input("parameter", index) for index in range(STATES)]
    node = node_of(graph, tree)
    moved = Graph()
    swapped = _with_parameters(graph, moved, node)
    assume(len(inputs) == STATES and is_steady(tree, states))
    want = plain(tree, states)
    got = float(arrays.evaluate(moved, [swapped], [np.array([value]) for value in states])[0].reshape(-1)[0])
    assert agree(got, want, max(abs(want), 1e-6))


def _with_parameters(graph: Graph, other: Graph, root: Node) -> Node:
    """Return `root` in another graph, parameters in place of states."""
    copies: dict[Node, Node] = {}
    for node in graph.reachable([root]):
        operation = graph.operations[node]
        if operation == "constant":
            copies[node] = other.constant(graph.constants[node])
        elif operation == "state":
            copies[node] = other.input("parameter", graph.arguments[node][0])
        elif operation in {"true", "false"}:
            copies[node] = other.truth_value(operation == "true")
        else:
            copies[node] = other.make(operation, *(copies[part] for part in graph.parts(node)))
    return copies[root]


@settings(max_examples=150, deadline=None)
@given(trees(SMOOTH_OF_ONE, SMOOTH_OF_TWO, choices=False), AWAY_FROM_ZERO)
def test_derivatives_are_slopes(tree: Tree, states: list[float]) -> None:
    graph = Graph()
    node = node_of(graph, tree)
    (gradient,) = Derivatives(graph, "state").gradients([node])
    assert set(gradient) <= {
        graph.arguments[part][0] for part in graph.reachable([node]) if graph.operations[part] == "state"
    }
    for index in range(STATES):
        slopes = [_slope(tree, states, index, step) for step in (1e-4, 5e-5)]
        derivative = float(graph.evaluate([gradient.get(index, graph.zero)], 0.0, states, [])[0])
        if all(math.isfinite(slope) for slope in slopes) and math.isfinite(derivative):
            error = abs(slopes[0] - slopes[1])  # four thirds of the error of the second
            scale = max(map(abs, (plain(tree, states), *slopes)))
            if error <= 1e-4 * scale < 1e6:
                assert abs(derivative - slopes[1]) <= 4 * error + 1e-6 * scale + 1e-12


def _slope(tree: Tree, states: list[float], index: int, step: float) -> float:
    def at(change: float) -> float:
        moved = list(states)
        moved[index] += change
        return plain(tree, moved)

    return (at(step) - at(-step)) / (2 * step)


@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize("chunk", [3, 10_000])
def test_lanes_are_independent_of_width_and_chunks(
    monkeypatch: pytest.MonkeyPatch, width: int, chunk: int
) -> None:
    monkeypatch.setattr(emit, "_CHUNK", chunk)
    graph = Graph()
    x, y = graph.input("state", 0), graph.input("state", 1)
    nodes = [x, graph.make("pow", x, y)]
    for _ in range(8):
        condition = graph.make("lt", nodes[-1], graph.constant(1.0))
        nodes.append(
            graph.make("select", condition, graph.make("exp", nodes[-1]), graph.make("div", x, nodes[-1]))
        )
        nodes.append(graph.make("add", graph.number(condition), graph.make("mul", nodes[-1], nodes[1])))
    states = np.random.default_rng(0).uniform(0.1, 3.0, (width, 2))
    code = Code(emit.module(graph, nodes, width), ["f"])
    got = call(code.addresses["f"], width, 0.0, states, [0.0], len(nodes))
    for lane in range(width):
        want = graph.evaluate(nodes, 0.0, states[lane].tolist(), [])
        np.testing.assert_allclose(got[lane], np.array(want, dtype=float), rtol=1e-12)
