"""Simpler forms of an operation, made as the graph grows.

They keep the value, to the sign of a zero and, for constant powers, to rounding: nothing that could hide a
NaN or an infinity (0·x, x - x) is folded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.lanes.graph import Graph

Node = int
_MOST_MULTIPLICATIONS: Final = 3
"""Whole powers up to this are written out as products."""


def simplified(graph: Graph, operation: str, arguments: tuple[Node, ...]) -> Node | None:
    """Return a simpler node for `operation` of `arguments`; `None` where there is none."""
    rule = _RULES.get(operation)
    return rule(graph, *arguments) if rule is not None else None


def _negated(graph: Graph, node: Node) -> Node | None:
    return graph.arguments[node][0] if graph.operations[node] == "neg" else None


def _add(graph: Graph, a: Node, b: Node) -> Node | None:
    if graph.zero in (a, b):
        return b if a == graph.zero else a
    negated = _negated(graph, b)
    if negated is not None:
        return graph.make("sub", a, negated)
    negated = _negated(graph, a)
    return graph.make("sub", b, negated) if negated is not None else None


def _sub(graph: Graph, a: Node, b: Node) -> Node | None:
    if b == graph.zero:
        return a
    if a == graph.zero:
        return graph.make("neg", b)
    negated = _negated(graph, b)
    return graph.make("add", a, negated) if negated is not None else None


def _mul(graph: Graph, a: Node, b: Node) -> Node | None:
    for one, other in ((a, b), (b, a)):
        if one == graph.one:
            return other
        if graph.constants.get(one) == -1.0:
            return graph.make("neg", other)
        negated = _negated(graph, one)
        if negated is not None:
            return graph.make("neg", graph.make("mul", negated, other))
    return None


def _div(graph: Graph, a: Node, b: Node) -> Node | None:
    if b == graph.one:
        return a
    for index, one in enumerate((a, b)):
        negated = _negated(graph, one)
        if negated is not None:
            parts = (negated, b) if index == 0 else (a, negated)
            return graph.make("neg", graph.make("div", *parts))
    divisor = graph.constants.get(b)
    if (
        divisor is not None
        and divisor
        and math.frexp(abs(divisor))[0] == 0.5
        and 1e-200 < abs(divisor) < 1e200
    ):
        return graph.make("mul", a, graph.constant(1.0 / divisor))
    return None


def _neg(graph: Graph, a: Node) -> Node | None:
    return _negated(graph, a)


def _pow(graph: Graph, base: Node, exponent: Node) -> Node | None:
    power = graph.constants.get(exponent)
    if base == graph.one or power == 0:
        return graph.one
    if power is None:
        return None
    if power == 0.5:
        return graph.make("sqrt", base)
    if power % 1 == 0 and 0 < power <= _MOST_MULTIPLICATIONS:
        result = base
        for _ in range(int(power) - 1):
            result = graph.make("mul", result, base)
        return result
    if power % 1 == 0 and -_MOST_MULTIPLICATIONS <= power < 0:
        return graph.make("div", graph.one, graph.make("pow", base, graph.constant(-power)))
    return None


def _not(graph: Graph, a: Node) -> Node | None:
    return graph.arguments[a][0] if graph.operations[a] == "not" else None


def _and(graph: Graph, a: Node, b: Node) -> Node | None:
    return _absorb(graph, a, b, neutral="true", absorbing="false")


def _or(graph: Graph, a: Node, b: Node) -> Node | None:
    return _absorb(graph, a, b, neutral="false", absorbing="true")


def _absorb(graph: Graph, a: Node, b: Node, neutral: str, absorbing: str) -> Node | None:
    for one, other in ((a, b), (b, a)):
        if graph.operations[one] == absorbing:
            return one
        if graph.operations[one] == neutral or one == other:
            return other
    return None


def _truth(graph: Graph, a: Node) -> Node | None:
    return graph.arguments[a][0] if graph.operations[a] == "number" else None


def _select(graph: Graph, condition: Node, then: Node, otherwise: Node) -> Node | None:
    kind = graph.operations[condition]
    if kind in {"true", "false"}:
        return then if kind == "true" else otherwise
    return then if then == otherwise else None


_RULES: Final[dict[str, Callable[..., Node | None]]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "pow": _pow,
    "not": _not,
    "and": _and,
    "or": _or,
    "truth": _truth,
    "select": _select,
}
