"""From MathML, as libSBML reads it, to nodes of the graph; function definitions are written out in place."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import nan
from typing import Any, Protocol

import libsbml

from bioxen.server.engines.kinetic.lanes.draws import DISTRIBUTIONS
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.mathml import (
    BINARY,
    CHAINS,
    CONSTANTS,
    INVERSE,
    LOGICAL,
    OF_INVERSE,
    RELATIONS,
    UNARY,
)
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.mathtree import children

Bound = Mapping[str, Node]


class Symbols(Protocol):
    """What the names in a formula mean."""

    def symbol(self, name: str) -> Node:
        """Return the value of an identifier of the model."""

    def rate_of(self, name: str) -> Node:
        """Return its derivative with respect to the time."""

    def draw(self, distribution: str, arguments: list[Node]) -> Node:
        """Return a number drawn at random."""


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
        kind = tree.getType()
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
        if kind in DISTRIBUTIONS:
            return symbols.draw(DISTRIBUTIONS[kind], [self._graph.number(part) for part in parts])
        return self._applied(tree, kind, parts)

    def _applied(self, tree: Any, kind: int, parts: list[Node]) -> Node:
        graph = self._graph
        if kind == libsbml.AST_FUNCTION_PIECEWISE:
            return self._piecewise(parts)
        if kind in RELATIONS:
            return self._relation(kind, [graph.number(part) for part in parts])
        if kind in LOGICAL or kind in {libsbml.AST_LOGICAL_NOT, libsbml.AST_LOGICAL_IMPLIES}:
            return self._logical(kind, [graph.truth(part) for part in parts])
        numbers = [graph.number(part) for part in parts]
        if kind in CHAINS:
            return self._sequence(tree, kind, numbers)
        made = self._of_one(kind, numbers) if len(numbers) == 1 else self._of_two(kind, numbers)
        if made is None:
            raise Uncovered(f"the function {tree.getName() or libsbml.formulaToL3String(tree)}")
        return made

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
        return graph.constant(CONSTANTS[kind]) if kind in CONSTANTS else None

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
        result = rest[0] if rest else graph.constant(nan)
        for value, condition in reversed(list(zip(pairs[::2], pairs[1::2], strict=True))):
            result = graph.choose(graph.truth(condition), value, result)
        return result

    def _relation(self, kind: int, parts: list[Node]) -> Node:
        operation, swapped = RELATIONS[kind]
        result = self._graph.truth_value(True)
        for left, right in pairwise(parts):
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
            result = self._graph.make(CHAINS[kind], result, part)
        return result

    def _sequence(self, tree: Any, kind: int, parts: list[Node]) -> Node:
        empty = {libsbml.AST_PLUS: self._graph.zero, libsbml.AST_TIMES: self._graph.one}
        if not parts and kind not in empty:
            raise Uncovered(f"{tree.getName()} of nothing")
        return self._chain(kind, parts, empty.get(kind, self._graph.zero))

    def _of_one(self, kind: int, parts: list[Node]) -> Node | None:
        graph = self._graph
        if kind in UNARY:
            return graph.make(UNARY[kind], parts[0])
        if kind in INVERSE:
            return graph.make("div", graph.one, graph.make(INVERSE[kind], parts[0]))
        if kind in OF_INVERSE:
            return graph.make(OF_INVERSE[kind], graph.make("div", graph.one, parts[0]))
        if kind == libsbml.AST_MINUS:
            return graph.make("neg", parts[0])
        return self._root_or_logarithm(kind, parts)

    def _of_two(self, kind: int, parts: list[Node]) -> Node | None:
        graph = self._graph
        if len(parts) != 2:
            return None
        if kind in BINARY:
            return graph.make(BINARY[kind], *parts)
        if kind == libsbml.AST_FUNCTION_QUOTIENT:
            return graph.make("trunc", graph.make("div", *parts))
        return self._root_or_logarithm(kind, parts)

    def _root_or_logarithm(self, kind: int, parts: list[Node]) -> Node | None:
        if kind == libsbml.AST_FUNCTION_ROOT:
            return self._root(parts)
        return self._logarithm(parts) if kind == libsbml.AST_FUNCTION_LOG else None

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
