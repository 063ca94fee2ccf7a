"""What depends on parameters alone is computed once a member, not at every step.

Each value is seen as a coefficient, made of constants and parameters, times a core. Products and quotients
multiply their parts' coefficients and their cores apart, so that all parameters of a rate law end up in one
number. It is kept as a further parameter behind the model's own: a derived one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.instructions import is_product

_Scaled = tuple[Node, Node]
"""Coefficient and core."""


class Hoister:
    """Rewrites expressions of one graph; `derived` grows as it does."""

    def __init__(self, graph: Graph, parameters: int, changing: Collection[int]) -> None:
        """Take the number of parameters, and which of them events change: nothing is derived from those."""
        self.derived: list[Node] = []
        """Expressions of the derived parameters, in order, in the model's own."""
        self._graph = graph
        self._count = parameters
        self._changing = frozenset(changing)
        self._fixed: dict[Node, bool] = {}
        self._scaled: dict[Node, _Scaled] = {}
        self._slots: dict[Node, Node] = {}

    def rewrite(self, roots: Sequence[Node]) -> list[Node]:
        """Return nodes of the same values in which derived parameters stand."""
        order = self._graph.reachable(roots)
        for node in order:
            if node not in self._fixed:
                self._fixed[node] = self._is_fixed(node)
        for node in order:
            if not self._fixed[node] and node not in self._scaled:
                self._scaled[node] = self._split(node)
        return [self._whole(root) for root in roots]

    def _is_fixed(self, node: Node) -> bool:
        kind = self._graph.operations[node]
        if kind == "parameter":
            return self._graph.arguments[node][0] not in self._changing
        return kind not in {"time", "state"} and all(self._fixed[part] for part in self._graph.parts(node))

    def _split(self, node: Node) -> _Scaled:
        graph = self._graph
        kind, parts = graph.operations[node], graph.parts(node)
        if kind in {"mul", "div"}:
            (a, x), (b, y) = (self._pair(part) for part in parts)
            return graph.make(kind, a, b), graph.make(kind, x, y)
        if not parts:
            return graph.one, node
        if kind == "pow" and not is_product(graph.constants.get(parts[1])):
            return graph.one, self._power(*parts)
        return graph.one, graph.make(kind, *(self._whole(part) for part in parts))

    def _power(self, base: Node, exponent: Node) -> Node:
        """Return a power by way of the logarithm, which powers of one base share."""
        graph = self._graph
        if self._fixed[base]:
            logarithm = self._slot(graph.make("log", graph.make("abs", base)))
        else:
            logarithm = graph.make("log", graph.make("abs", self._whole(base)))
        return graph.make("power_by_log", self._whole(base), self._whole(exponent), logarithm)

    def _pair(self, node: Node) -> _Scaled:
        return (node, self._graph.one) if self._fixed[node] else self._scaled[node]

    def _whole(self, node: Node) -> Node:
        if self._fixed[node]:
            return self._slot(node)
        coefficient, core = self._scaled[node]
        return self._graph.make("mul", self._slot(coefficient), core)

    def _slot(self, node: Node) -> Node:
        """Return a fixed value: a constant, a parameter of the model, or a derived one."""
        if not self._graph.parts(node) or self._graph.is_boolean(node):
            return node
        if node not in self._slots:
            self._slots[node] = self._graph.input("parameter", self._count + len(self.derived))
            self.derived.append(node)
        return self._slots[node]
