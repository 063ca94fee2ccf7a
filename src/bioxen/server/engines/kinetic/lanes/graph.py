"""Expressions as a graph in which each stands once (hash-consing), so that equal parts are computed once.

A node is a number: its index. Arguments always come before what uses them, so a walk over the indices is a
walk in order of dependence.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from bioxen.server.engines.kinetic.lanes.operations import BOOLEAN, COMMUTATIVE, INPUTS, MEANINGS, Number
from bioxen.server.engines.kinetic.lanes.simplify import simplified

Node = int


class Graph:
    """Grows as expressions are made; a node never changes."""

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.arguments: list[tuple[Node, ...]] = []
        """Arguments of each node; the index of a state or parameter in place of them."""
        self.constants: dict[Node, float] = {}
        self._known: dict[tuple[str, tuple[int, ...]], Node] = {}
        self.zero = self.constant(0.0)
        self.one = self.constant(1.0)

    def constant(self, value: float) -> Node:
        """Return a number; a zero has no sign."""
        value = value + 0.0
        bits = struct.unpack("<q", struct.pack("<d", value))[0]
        node = self._node("constant", (bits,))
        self.constants[node] = value
        return node

    def input(self, kind: str, index: int = 0) -> Node:
        """Return the time, a state or a parameter."""
        return self._node(kind, (index,))

    def truth_value(self, value: bool) -> Node:
        """Return true or false."""
        return self._node("true" if value else "false", ())

    def is_boolean(self, node: Node) -> bool:
        """Whether the node is a truth value."""
        return self.operations[node] in BOOLEAN

    def parts(self, node: Node) -> tuple[Node, ...]:
        """Return the nodes that `node` is computed from."""
        operation = self.operations[node]
        return () if operation == "constant" or operation in INPUTS else self.arguments[node]

    def make(self, operation: str, *arguments: Node) -> Node:
        """Return `operation` of `arguments`, simplified. The kinds (number, truth value) must be right."""
        simpler = self._fold(operation, arguments)
        if simpler is None:
            simpler = simplified(self, operation, arguments)
        if simpler is not None:
            return simpler
        if operation in COMMUTATIVE:
            arguments = tuple(sorted(arguments))
        return self._node(operation, arguments)

    def number(self, node: Node) -> Node:
        """Return a truth value as 1 or 0; a number as it is."""
        return self.make("number", node) if self.is_boolean(node) else node

    def truth(self, node: Node) -> Node:
        """Return a number as a truth value, true where it is not 0; a truth value as it is."""
        return node if self.is_boolean(node) else self.make("truth", node)

    def total(self, nodes: Iterable[Node]) -> Node:
        """Return the sum."""
        result = self.zero
        for node in nodes:
            result = self.make("add", result, node)
        return result

    def choose(self, condition: Node, then: Node, otherwise: Node) -> Node:
        """Return `then` where `condition` holds, else `otherwise`; two truth values give a truth value."""
        if not (self.is_boolean(then) and self.is_boolean(otherwise)):
            return self.make("select", condition, self.number(then), self.number(otherwise))
        chosen = self.make("and", condition, then)
        return self.make("or", chosen, self.make("and", self.make("not", condition), otherwise))

    def reachable(self, roots: Iterable[Node]) -> list[Node]:
        """Return every node that `roots` are computed from and themselves, in order of dependence."""
        found: set[Node] = set()
        waiting = list(roots)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                waiting.extend(self.parts(node))
        return sorted(found)

    def evaluate(
        self, roots: Sequence[Node], time: float, states: Sequence[float], parameters: Sequence[float]
    ) -> list[Number]:
        """Return the values of `roots`, by Python's own floats: slow, and independent of generated code."""
        sources: dict[str, Sequence[float]] = {"time": [time], "state": states, "parameter": parameters}
        values: dict[Node, Number] = {}
        for node in self.reachable(roots):
            operation, arguments = self.operations[node], self.arguments[node]
            if operation == "constant":
                values[node] = self.constants[node]
            elif operation in INPUTS:
                values[node] = sources[operation][arguments[0]]
            else:
                values[node] = MEANINGS[operation](*(values[argument] for argument in arguments))
        return [values[root] for root in roots]

    def _node(self, operation: str, arguments: tuple[int, ...]) -> Node:
        key = (operation, arguments)
        node = self._known.get(key)
        if node is None:
            node = self._known[key] = len(self.operations)
            self.operations.append(operation)
            self.arguments.append(arguments)
        return node

    def _fold(self, operation: str, arguments: tuple[Node, ...]) -> Node | None:
        """Return the value of an operation on constants alone."""
        values: list[Number] = []
        for argument in arguments:
            kind = self.operations[argument]
            if kind == "constant":
                values.append(self.constants[argument])
            elif kind in {"true", "false"}:
                values.append(kind == "true")
            else:
                return None
        if not arguments:
            return None
        value = MEANINGS[operation](*values)
        return self.truth_value(value) if isinstance(value, bool) else self.constant(value)
