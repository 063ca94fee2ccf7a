"""What the time alone switches below expressions: relations, roundings, and where extremes change sides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bioxen.server.engines.kinetic.lanes.derivative import Derivatives
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.operations import STEPS
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.switching.intervals import Interval, apply, exactly

_RELATIONS = frozenset({"lt", "le", "eq", "ne", "truth"})
_KINKS = frozenset({"min", "max", "abs"})


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is constant in time but for jumps."""

    outcome: Node
    level: Node
    """The number that decides it: a relation at its zeros, a rounding at whole numbers."""
    slope: Node | None
    """Its derivative by the time, where it has one."""
    within: frozenset[Node]
    """The outcomes of the conditions in the level: it is continuous where none of them switches."""
    passes: bool
    """Whether its outcome is the same on both sides of a switch: an equality holds for a moment."""
    straight: bool
    """Whether it is a relation whose level is a straight line, so that it switches once at most."""


class Conditions:
    """Those below some expressions of a graph, and how to compute them."""

    def __init__(self, graph: Graph, roots: Iterable[Node], changing: Collection[int] = ()) -> None:
        """Take the expressions, and the parameters that do not stay as they are at the start."""
        self._graph = graph
        self.found = _found(graph, [*roots], changing)
        nodes = [
            node for one in self.found for node in (one.outcome, one.level, one.slope) if node is not None
        ]
        self._order = graph.reachable(nodes)
        self.parameters = tuple(
            graph.arguments[node][0] for node in self._order if graph.operations[node] == "parameter"
        )
        """The indices of the parameters that decide when they switch."""

    def __bool__(self) -> bool:
        return bool(self.found)

    @property
    def may_pulse(self) -> bool:
        """Whether there may be more than one switch."""
        return len(self.found) > 1 or any(not one.straight for one in self.found)

    def enclose(self, low: Any, high: Any, parameters: Sequence[float] | Any) -> dict[Node, Interval]:
        """Return enclosures of everything over stretches of time, given from `low` to `high`."""
        graph, found = self._graph, dict[Node, Interval]()
        for node in self._order:
            operation, arguments = graph.operations[node], graph.arguments[node]
            if operation == "constant":
                found[node] = exactly(np.float64(graph.constants[node]))
            elif operation == "time":
                found[node] = Interval(low, high, np.False_)
            elif operation == "parameter":
                found[node] = exactly(np.float64(parameters[arguments[0]]))
            else:
                found[node] = apply(operation, [found[part] for part in graph.parts(node)])
        return found


def _found(graph: Graph, roots: list[Node], changing: Collection[int]) -> tuple[Condition, ...]:
    below = graph.reachable(roots)
    timed, fixed = set[Node](), set[Node]()
    for node in below:
        operation, parts = graph.operations[node], graph.parts(node)
        own = operation in {"state", "draw"}
        own = own or (operation == "parameter" and graph.arguments[node][0] in changing)
        if not own and all(part in fixed for part in parts):
            fixed.add(node)
            if operation == "time" or any(part in timed for part in parts):
                timed.add(node)
    pairs = [pair for node in below if node in timed for pair in _pair(graph, node)]
    levels = dict(reversed(pairs))
    outcomes = frozenset(levels)
    derivatives = Derivatives(graph, "time")
    return tuple(
        _condition(graph, derivatives, outcome, level, outcomes) for outcome, level in sorted(levels.items())
    )


def _pair(graph: Graph, node: Node) -> list[tuple[Node, Node]]:
    """Return an outcome and its level, where the node is or has a condition."""
    operation, parts = graph.operations[node], graph.parts(node)
    if operation == "truth":
        return [(node, parts[0])]
    if operation in _RELATIONS:
        return [(node, graph.make("sub", *parts))]
    if operation in STEPS:
        return [(node, parts[0])]
    if operation == "rem":
        level = graph.make("div", *parts)
        return [(graph.make("trunc", level), level)]
    if operation in _KINKS:
        first, second = parts if len(parts) == 2 else (parts[0], graph.zero)
        return [(graph.make("lt", first, second), graph.make("sub", first, second))]
    return []


def _condition(
    graph: Graph, derivatives: Derivatives, outcome: Node, level: Node, outcomes: frozenset[Node]
) -> Condition:
    try:
        slope: Node | None = derivatives.gradients([level])[0].get(0, graph.zero)
    except Uncovered:
        slope = None
    within = outcomes.intersection(graph.reachable([level]))
    remainders = [node for node in graph.reachable([level]) if graph.operations[node] == "rem"]
    within |= {graph.make("trunc", graph.make("div", *graph.parts(node))) for node in remainders}
    operation = graph.operations[outcome]
    steady = slope is not None and all(graph.operations[node] != "time" for node in graph.reachable([slope]))
    return Condition(
        outcome=outcome,
        level=level,
        slope=slope,
        within=within,
        passes=operation in {"eq", "ne", "truth"},
        straight=operation in {"lt", "le"} and steady and not within,
    )
