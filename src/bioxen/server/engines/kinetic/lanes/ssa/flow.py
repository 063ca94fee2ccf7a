"""What happens between two firings of a network: nothing but the passing of time, and clocks that follow it.

A clock is what a rate rule moves at a rate that holds between two firings. Everything that follows from the
time and from clocks along straight lines crosses its thresholds at times that can be computed, and there the
wait for the next reaction is broken off and drawn anew. The wait has no memory, so the method stays exact.
What the time bends, or moves a propensity with, is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bioxen.server.engines.kinetic.lanes.derivative import Derivatives
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.operations import STEPS
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

_ORDERS = frozenset({"lt", "le"})
_EQUALITIES = frozenset({"eq", "ne", "truth"})


class Flow:
    """The crossings below some expressions."""

    def __init__(self, graph: Graph, clocks: Mapping[int, Node], roots: Sequence[Node]) -> None:
        """Find them.

        Args:
            graph: of the model.
            clocks: state → its rate.
            roots: everything whose jumps matter.

        Raises:
            Uncovered: something jumps at times that no straight line gives.
        """
        self._graph = graph
        self._clocks = clocks
        self._drifts: dict[Node, bool] = {}
        self._by_time = Derivatives(graph, "time")
        self._by_state = Derivatives(graph, "state")
        self.crossings: list[Node] = []
        """Times at which something jumps; what lies in the past is over, and NaN and infinity are never."""
        self._find([*clocks.values(), *roots])

    def drifts(self, node: Node) -> bool:
        """Whether a value changes between two firings other than by jumps."""
        for one in self._graph.reachable([node]):
            if one not in self._drifts:
                self._drifts[one] = self._moves(one)
        return self._drifts[node]

    def depends_on_amounts(self, roots: Sequence[Node]) -> bool:
        """Whether a firing may change any of `roots`."""
        graph = self._graph
        return any(
            graph.operations[node] == "state" and graph.arguments[node][0] not in self._clocks
            for node in graph.reachable(roots)
        )

    def _moves(self, node: Node) -> bool:
        graph = self._graph
        operation = graph.operations[node]
        if operation == "time":
            return True
        if operation == "state":
            return graph.arguments[node][0] in self._clocks
        if graph.is_boolean(node) or operation in STEPS:
            return False
        return any(self._drifts[part] for part in graph.parts(node))

    def _find(self, roots: Sequence[Node]) -> None:
        seen: set[Node] = set()
        waiting = [*roots]
        while waiting:
            for node in self._graph.reachable([waiting.pop()]):
                if node not in seen:
                    seen.add(node)
                    waiting += self._cross(node)  # a line's own slope may jump too
        self.crossings = list(dict.fromkeys(self.crossings))

    def _cross(self, node: Node) -> list[Node]:
        """Note when a node jumps; return the slope of the line that decides it."""
        graph = self._graph
        operation, parts = graph.operations[node], graph.parts(node)
        if not any(self.drifts(part) for part in parts):
            return []
        if operation in _EQUALITIES:
            raise Uncovered("an equality that the time decides")
        if operation in _ORDERS:
            line = graph.make("sub", *parts)
            slope = self._slope(line)
            self._note(line, graph.zero, slope)
            return [slope]
        if operation in STEPS or operation == "rem":
            line = graph.make("div", *parts) if operation == "rem" else parts[0]
            slope = self._slope(line)
            up = graph.make("add", graph.make("floor", line), graph.one)
            down = graph.make("sub", graph.make("ceil", line), graph.one)
            self._note(line, graph.make("select", graph.make("lt", graph.zero, slope), up, down), slope)
            half = graph.make("add", line, graph.constant(0.5))
            self._note(line, graph.make("floor", half), slope)  # one where it stands now jumps at once
            return [slope]
        return []

    def _note(self, line: Node, target: Node, slope: Node) -> None:
        graph = self._graph
        wait = graph.make("div", graph.make("sub", target, line), slope)
        self.crossings.append(graph.make("add", graph.input("time"), wait))

    def _slope(self, line: Node) -> Node:
        """Return how fast a line rises between two firings.

        Raises:
            Uncovered: it is no straight line.
        """
        graph = self._graph
        slope = self._by_time.gradients([line])[0].get(0, graph.zero)
        for state, gradient in self._by_state.gradients([line])[0].items():
            if state in self._clocks:
                slope = graph.make("add", slope, graph.make("mul", gradient, self._clocks[state]))
        if self.drifts(slope):
            raise Uncovered("a comparison of what the time changes, but not along a straight line")
        return slope
