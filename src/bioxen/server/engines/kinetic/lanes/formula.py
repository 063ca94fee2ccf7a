"""From MathML, as libSBML reads it, to nodes of the graph; function definitions are written out in place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Protocol

import libsbml

from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.mathtree import children

AVOGADRO: Final = 6.02214179e23
"""As SBML Level 3 defines it."""

_UNARY: Final = {
    libsbml.AST_FUNCTION_EXP: "exp",
    libsbml.AST_FUNCTION_LN: "log",
    libsbml.AST_FUNCTION_ABS: "abs",
    libsbml.AST_FUNCTION_FLOOR: "floor",
    libsbml.AST_FUNCTION_CEILING: "ceil",
    libsbml.AST_FUNCTION_FACTORIAL: "factorial",
    libsbml.AST_FUNCTION_SIN: "sin",
    libsbml.AST_FUNCTION_COS: "cos",
    libsbml.AST_FUNCTION_TAN: "tan",
    libsbml.AST_FUNCTION_SINH: "sinh",
    libsbml.AST_FUNCTION_COSH: "cosh",
    libsbml.AST_FUNCTION_TANH: "tanh",
    libsbml.AST_FUNCTION_ARCSIN: "asin",
    libsbml.AST_FUNCTION_ARCCOS: "acos",
    libsbml.AST_FUNCTION_ARCTAN: "atan",
    libsbml.AST_FUNCTION_ARCSINH: "asinh",
    libsbml.AST_FUNCTION_ARCCOSH: "acosh",
    libsbml.AST_FUNCTION_ARCTANH: "atanh",
}
_INVERSE: Final = {
    libsbml.AST_FUNCTION_SEC: "cos",
    libsbml.AST_FUNCTION_CSC: "sin",
    libsbml.AST_FUNCTION_COT: "tan",
    libsbml.AST_FUNCTION_SECH: "cosh",
    libsbml.AST_FUNCTION_CSCH: "sinh",
    libsbml.AST_FUNCTION_COTH: "tanh",
}
"""One over the function."""
_OF_INVERSE: Final = {
    libsbml.AST_FUNCTION_ARCSEC: "acos",
    libsbml.AST_FUNCTION_ARCCSC: "asin",
    libsbml.AST_FUNCTION_ARCCOT: "atan",
    libsbml.AST_FUNCTION_ARCSECH: "acosh",
    libsbml.AST_FUNCTION_ARCCSCH: "asinh",
    libsbml.AST_FUNCTION_ARCCOTH: "atanh",
}
"""The function of one over the argument."""
_CHAINS: Final = {
    libsbml.AST_FUNCTION_MIN: "min",
    libsbml.AST_FUNCTION_MAX: "max",
    libsbml.AST_LOGICAL_AND: "and",
    libsbml.AST_LOGICAL_OR: "or",
    libsbml.AST_LOGICAL_XOR: "xor",
    libsbml.AST_PLUS: "add",
    libsbml.AST_TIMES: "mul",
}
_LOGICAL: Final = {libsbml.AST_LOGICAL_AND, libsbml.AST_LOGICAL_OR, libsbml.AST_LOGICAL_XOR}
_RELATIONS: Final = {
    libsbml.AST_RELATIONAL_LT: ("lt", False),
    libsbml.AST_RELATIONAL_GT: ("lt", True),
    libsbml.AST_RELATIONAL_LEQ: ("le", False),
    libsbml.AST_RELATIONAL_GEQ: ("le", True),
    libsbml.AST_RELATIONAL_EQ: ("eq", False),
    libsbml.AST_RELATIONAL_NEQ: ("ne", False),
}
"""Operation, and whether its sides change places."""
_POWERS: Final = {libsbml.AST_POWER, libsbml.AST_FUNCTION_POWER}
Bound = Mapping[str, Node]


class Symbols(Protocol):
    """What the names in a formula mean."""

    def symbol(self, name: str) -> Node:
        """Return the value of an identifier of the model."""

    def rate_of(self, name: str) -> Node:
        """Return its derivative with respect to the time."""


class Formulas:
    """Reads formulas of one model."""

    def __init__(self, graph: Graph, functions: Mapping[str, Any]) -> None:
        """Take the lambdas of the model's function definitions by id."""
        self._graph = graph
        self._functions = functions

    def number(self, math_tree: Any, symbols: Symbols, bound: Bound | None = None) -> Node:
        """Return the value of a formula; a truth value as 1 or 0.

        Raises:
            Uncovered: the formula has something that the lanes do not compute.
        """
        return self._graph.number(self._read(math_tree, symbols, bound or {}))

    def truth(self, math_tree: Any, symbols: Symbols) -> Node:
        """Return a formula as a truth value."""
        return self._graph.truth(self._read(math_tree, symbols, {}))

    def _read(self, tree: Any, symbols: Symbols, bound: Bound) -> Node:
        kind, graph = tree.getType(), self._graph
        leaf = self._leaf(tree, kind, symbols, bound)
        if leaf is not None:
            return leaf
        if kind == libsbml.AST_FUNCTION_RATE_OF:
            return self._rate_of(tree, symbols, bound)
        if kind == libsbml.AST_FUNCTION_DELAY:
            raise Uncovered("a delay")
        parts = [self._read(child, symbols, bound) for child in children(tree)]
        if kind == libsbml.AST_FUNCTION:
            return self._call(tree.getName(), parts, symbols)
        if kind == libsbml.AST_FUNCTION_PIECEWISE:
            return self._piecewise(parts)
        if kind in _RELATIONS:
            return self._relation(kind, [graph.number(part) for part in parts])
        if kind in _LOGICAL or kind in {libsbml.AST_LOGICAL_NOT, libsbml.AST_LOGICAL_IMPLIES}:
            return self._logical(kind, [graph.truth(part) for part in parts])
        return self._arithmetic(tree, kind, [graph.number(part) for part in parts])

    def _leaf(self, tree: Any, kind: int, symbols: Symbols, bound: Bound) -> Node | None:
        graph = self._graph
        if tree.isNumber():
            return graph.constant(tree.getValue())
        if kind == libsbml.AST_NAME:
            name = tree.getName()
            return bound[name] if name in bound else symbols.symbol(name)
        if kind == libsbml.AST_NAME_TIME:
            return graph.input("time")
        if kind in {libsbml.AST_CONSTANT_TRUE, libsbml.AST_CONSTANT_FALSE}:
            return graph.truth_value(kind == libsbml.AST_CONSTANT_TRUE)
        numbers = {
            libsbml.AST_CONSTANT_E: math.e,
            libsbml.AST_CONSTANT_PI: math.pi,
            libsbml.AST_NAME_AVOGADRO: AVOGADRO,
        }
        return graph.constant(numbers[kind]) if kind in numbers else None

    def _rate_of(self, tree: Any, symbols: Symbols, bound: Bound) -> Node:
        target = tree.getChild(0)
        if target.getType() != libsbml.AST_NAME or target.getName() in bound:
            raise Uncovered("rateOf of something that is no identifier of the model")
        return symbols.rate_of(target.getName())

    def _call(self, name: str, parts: list[Node], symbols: Symbols) -> Node:
        if name not in self._functions:
            raise Uncovered(f"the function {name}")
        *parameters, body = children(self._functions[name])
        if len(parameters) != len(parts):
            raise Uncovered(f"a call of {name} with {len(parts)} arguments")
        bound = {parameter.getName(): part for parameter, part in zip(parameters, parts, strict=True)}
        return self._read(body, symbols, bound)

    def _piecewise(self, parts: list[Node]) -> Node:
        graph = self._graph
        pairs, rest = parts[: len(parts) // 2 * 2], parts[len(parts) // 2 * 2 :]
        result = rest[0] if rest else graph.constant(math.nan)
        for value, condition in reversed(list(zip(pairs[::2], pairs[1::2], strict=True))):
            result = graph.choose(graph.truth(condition), value, result)
        return result

    def _relation(self, kind: int, parts: list[Node]) -> Node:
        operation, swapped = _RELATIONS[kind]
        result = self._graph.truth_value(True)
        for left, right in zip(parts, parts[1:], strict=False):
            sides = (right, left) if swapped else (left, right)
            result = self._graph.make("and", result, self._graph.make(operation, *sides))
        return result

    def _logical(self, kind: int, parts: list[Node]) -> Node:
        graph = self._graph
        if kind == libsbml.AST_LOGICAL_NOT:
            return graph.make("not", parts[0])
        if kind == libsbml.AST_LOGICAL_IMPLIES:
            return graph.make("or", graph.make("not", parts[0]), parts[1])
        return self._chain(kind, parts, graph.truth_value(kind == libsbml.AST_LOGICAL_AND))

    def _chain(self, kind: int, parts: list[Node], empty: Node) -> Node:
        result = parts[0] if parts else empty
        for part in parts[1:]:
            result = self._graph.make(_CHAINS[kind], result, part)
        return result

    def _arithmetic(self, tree: Any, kind: int, parts: list[Node]) -> Node:
        graph = self._graph
        if kind in {libsbml.AST_PLUS, libsbml.AST_TIMES}:
            return self._chain(kind, parts, graph.zero if kind == libsbml.AST_PLUS else graph.one)
        if kind in _CHAINS and parts:
            return self._chain(kind, parts, parts[0])
        if kind in _UNARY:
            return graph.make(_UNARY[kind], parts[0])
        if kind in _INVERSE:
            return graph.make("div", graph.one, graph.make(_INVERSE[kind], parts[0]))
        if kind in _OF_INVERSE:
            return graph.make(_OF_INVERSE[kind], graph.make("div", graph.one, parts[0]))
        if kind == libsbml.AST_MINUS and len(parts) == 1:
            return graph.make("neg", parts[0])
        if len(parts) in {1, 2}:
            made = self._binary(kind, parts)
            if made is not None:
                return made
        raise Uncovered(f"the function {tree.getName() or libsbml.formulaToL3String(tree)}")

    def _binary(self, kind: int, parts: list[Node]) -> Node | None:
        graph = self._graph
        if kind == libsbml.AST_FUNCTION_ROOT:
            return self._root(parts)
        if kind == libsbml.AST_FUNCTION_LOG:
            return self._logarithm(parts)
        if len(parts) != 2:
            return None
        if kind == libsbml.AST_FUNCTION_QUOTIENT:
            return graph.make("trunc", graph.make("div", *parts))
        if kind in _POWERS:
            return graph.make("pow", *parts)
        plain = {libsbml.AST_MINUS: "sub", libsbml.AST_DIVIDE: "div", libsbml.AST_FUNCTION_REM: "rem"}
        return graph.make(plain[kind], *parts) if kind in plain else None

    def _root(self, parts: list[Node]) -> Node:
        graph = self._graph
        degree, value = parts if len(parts) == 2 else (graph.constant(2.0), parts[0])
        return graph.make("pow", value, graph.make("div", graph.one, degree))

    def _logarithm(self, parts: list[Node]) -> Node:
        graph = self._graph
        base, value = parts if len(parts) == 2 else (graph.constant(10.0), parts[0])
        if graph.constants.get(base) == 10.0:
            return graph.make("log10", value)
        return graph.make("div", graph.make("log", value), graph.make("log", base))
