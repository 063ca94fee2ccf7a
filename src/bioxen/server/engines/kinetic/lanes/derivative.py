"""Symbolic derivatives: each node's sparse gradient from its parts', so what is shared is derived once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.operations import STEPS
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

Gradient = dict[int, Node]
"""Index of a variable → derivative. What is not there is 0 everywhere."""


class Derivatives:
    """Derivatives with respect to the variables of one kind: `state`, `parameter` or `time`."""

    def __init__(self, graph: Graph, kind: str) -> None:
        self._graph = graph
        self._kind = kind
        self._known: dict[Node, Gradient] = {}

    def gradients(self, roots: Sequence[Node]) -> list[Gradient]:
        """Return the gradient of each root.

        Raises:
            Uncovered: a root has no derivative that can be written down.
        """
        for node in self._graph.reachable(roots):
            if node not in self._known:
                self._known[node] = self._gradient(node)
        return [self._known[root] for root in roots]

    def _gradient(self, node: Node) -> Gradient:
        graph = self._graph
        operation = graph.operations[node]
        if operation == self._kind:
            return {graph.arguments[node][0]: graph.one}
        parts = graph.parts(node)
        gradients = [self._known[part] for part in parts]
        if operation in STEPS or graph.is_boolean(node) or operation == "number" or not any(gradients):
            return {}
        if operation == "select":
            return self._merged(gradients[1], gradients[2], lambda a, b: graph.make("select", parts[0], a, b))
        if operation in {"min", "max"}:
            return self._of_extreme(operation, parts, gradients)
        result: Gradient = {}
        for index, gradient in enumerate(gradients):
            if gradient:
                slope = self._slope(node, operation, index)
                scaled = {variable: graph.make("mul", slope, value) for variable, value in gradient.items()}
                result = self._merged(result, scaled, lambda a, b: graph.make("add", a, b))
        return result

    def _merged(self, a: Gradient, b: Gradient, combine: Callable[[Node, Node], Node]) -> Gradient:
        zero = self._graph.zero
        return {
            variable: combine(a.get(variable, zero), b.get(variable, zero))
            for variable in dict.fromkeys([*a, *b])
        }

    def _of_extreme(self, operation: str, parts: tuple[Node, ...], gradients: list[Gradient]) -> Gradient:
        first = self._graph.make("lt", *(parts if operation == "min" else reversed(parts)))
        return self._merged(gradients[0], gradients[1], lambda a, b: self._graph.make("select", first, a, b))

    def _slope(self, node: Node, operation: str, index: int) -> Node:
        """Return the derivative of `node` with respect to its part `index`."""
        graph = self._graph
        if operation in _SLOPES:
            return _SLOPES[operation](graph, node, *graph.parts(node))
        if operation in _SLOPES_OF_MORE:
            return _SLOPES_OF_MORE[operation][index](graph, node, *graph.parts(node))
        raise Uncovered(f"the derivative of {operation}")


def _inverse(graph: Graph, node: Node) -> Node:
    return graph.make("div", graph.one, node)


def _square(graph: Graph, node: Node) -> Node:
    return graph.make("mul", node, node)


def _one_plus(graph: Graph, node: Node) -> Node:
    return graph.make("add", graph.one, node)


def _one_minus(graph: Graph, node: Node) -> Node:
    return graph.make("sub", graph.one, node)


def _over_root(graph: Graph, node: Node) -> Node:
    return _inverse(graph, graph.make("sqrt", node))


def _of_quotient(graph: Graph, _: Node, a: Node, b: Node) -> Node:
    inverse = _inverse(graph, b)
    return graph.make("neg", graph.make("mul", graph.make("mul", a, inverse), inverse))


def _of_base(graph: Graph, node: Node, base: Node, exponent: Node) -> Node:
    power = graph.constants.get(exponent)
    if power is not None and power % 1 == 0:
        lower = graph.make("pow", base, graph.constant(power - 1))
    else:
        lower = graph.make("over_base", node, base, exponent)
    return graph.make("mul", exponent, lower)


def _of_remainder(graph: Graph, _: Node, a: Node, b: Node) -> Node:
    return graph.make("neg", graph.make("trunc", graph.make("div", a, b)))


def _of_lower_base(graph: Graph, node: Node, _: Node, base: Node, exponent: Node) -> Node:
    """Return the derivative of base^(exponent - 1), as `node` is, which stays right where the base is 0."""
    lower = graph.make("sub", exponent, graph.one)
    return graph.make("mul", lower, graph.make("over_base", node, base, lower))


def _unless_zero(graph: Graph, power: Node, value: Node) -> Node:
    return graph.make("select", graph.make("eq", power, graph.zero), graph.zero, value)


_SLOPES: Final[dict[str, Callable[..., Node]]] = {
    "neg": lambda g, _n, _a: g.constant(-1.0),
    "sqrt": lambda g, n, _a: g.make("div", g.constant(0.5), n),
    "exp": lambda _g, n, _a: n,
    "log": lambda g, _n, a: _inverse(g, a),
    "log10": lambda g, _n, a: g.make("div", g.constant(1 / math.log(10)), a),
    "sin": lambda g, _n, a: g.make("cos", a),
    "cos": lambda g, _n, a: g.make("neg", g.make("sin", a)),
    "tan": lambda g, n, _a: _one_plus(g, _square(g, n)),
    "asin": lambda g, _n, a: _over_root(g, _one_minus(g, _square(g, a))),
    "acos": lambda g, _n, a: g.make("neg", _over_root(g, _one_minus(g, _square(g, a)))),
    "atan": lambda g, _n, a: _inverse(g, _one_plus(g, _square(g, a))),
    "sinh": lambda g, _n, a: g.make("cosh", a),
    "cosh": lambda g, _n, a: g.make("sinh", a),
    "tanh": lambda g, n, _a: _one_minus(g, _square(g, n)),
    "asinh": lambda g, _n, a: _over_root(g, _one_plus(g, _square(g, a))),
    "acosh": lambda g, _n, a: _over_root(g, g.make("sub", _square(g, a), g.one)),
    "atanh": lambda g, _n, a: _inverse(g, _one_minus(g, _square(g, a))),
    "abs": lambda g, _n, a: g.make("select", g.make("lt", a, g.zero), g.constant(-1.0), g.one),
}
_SLOPES_OF_MORE: Final[dict[str, tuple[Callable[..., Node], ...]]] = {
    "add": (lambda g, _n, _a, _b: g.one, lambda g, _n, _a, _b: g.one),
    "sub": (lambda g, _n, _a, _b: g.one, lambda g, _n, _a, _b: g.constant(-1.0)),
    "mul": (lambda _g, _n, _a, b: b, lambda _g, _n, a, _b: a),
    "div": (lambda g, _n, _a, b: _inverse(g, b), _of_quotient),
    "pow": (_of_base, lambda g, n, a, _b: g.make("times_log", n, a)),
    "rem": (lambda g, _n, _a, _b: g.one, _of_remainder),
    "over_base": (
        lambda g, _n, _p, _b, _e: g.zero,
        _of_lower_base,
        lambda g, n, _p, b, _e: g.make("times_log", n, b),
    ),
    "times_log": (
        lambda g, _n, p, b: _unless_zero(g, p, g.make("log", b)),
        lambda g, _n, p, b: _unless_zero(g, p, g.make("div", p, b)),
    ),
}
