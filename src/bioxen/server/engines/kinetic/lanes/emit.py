"""Expressions as functions in LLVM IR: `void f(time, states, parameters, out)`, all rows of lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bioxen.server.engines.kinetic.lanes.block import Block, Value, splat
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.operations import BOOLEAN
from bioxen.server.engines.kinetic.lanes.vectormath import functions

_LONGEST_PRODUCT: Final = 32
"""Constant whole exponents up to this are products."""
_SOURCES: Final = {"time": "%t", "state": "%y", "parameter": "%p"}
_COMPARISONS: Final = {"lt": "olt", "le": "ole", "eq": "oeq", "ne": "une"}
_ARITHMETIC: Final = frozenset({"add", "sub", "mul", "div", "neg"})
_OWN: Final = frozenset({"exp", "log", "pow"})
_NATIVE: Final = {
    "sqrt": "sqrt",
    "abs": "fabs",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "min": "minimum",
    "max": "maximum",
}
_LIBRARY: Final = {
    "log10": "log10",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "asin": "asin",
    "acos": "acos",
    "atan": "atan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "asinh": "asinh",
    "acosh": "acosh",
    "atanh": "atanh",
    "rem": "fmod",
}


def module(graph: Graph, outputs: Mapping[str, Sequence[Node]], width: int) -> str:
    """Return the IR of one function for each entry of `outputs`; each writes its nodes in order."""
    texts, called, declared = [], set[str](), set[str]()
    for name, nodes in outputs.items():
        emitter = _Emitter(graph, width)
        texts.append(emitter.function(name, nodes))
        called |= emitter.block.called
        declared |= emitter.block.declared
    own = functions(called, width)
    lines = dict.fromkeys([*sorted(declared), *own.splitlines()])  # each declaration once
    heads = [line for line in lines if line.startswith("declare")]
    bodies = "\n".join(line for line in own.splitlines() if not line.startswith("declare"))
    return "\n".join([*heads, bodies, *texts])


class _Emitter:
    """Writes one function. A node's instructions come when the first output needs it."""

    def __init__(self, graph: Graph, width: int) -> None:
        self.block = Block(width)
        self._graph = graph
        self._values: dict[Node, Value] = {}

    def function(self, name: str, nodes: Sequence[Node]) -> str:
        for row, node in enumerate(nodes):
            self._store(row, self._value_of(self._graph.number(node)))
        lines = "\n".join(self.block.lines)
        pointers = "ptr readonly %t, ptr readonly %y, ptr readonly %p, ptr noalias %out"
        return f"define void @{name}({pointers}) nounwind {{\n{lines}\n  ret void\n}}"

    def _address(self, base: str, row: int) -> Value:
        if row == 0:
            return base
        return self.block.value(f"getelementptr {self.block.doubles}, ptr {base}, i64 {row}")

    def _store(self, row: int, value: Value) -> None:
        self.block.do(f"store {self.block.doubles} {value}, ptr {self._address('%out', row)}, align 8")

    def _value_of(self, root: Node) -> Value:
        waiting = [root]
        while waiting:
            node = waiting[-1]
            missing = [part for part in self._graph.parts(node) if part not in self._values]
            if missing:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if node not in self._values:
                self._values[node] = self._emit(node)
        return self._values[root]

    def _emit(self, node: Node) -> Value:
        operation, block = self._graph.operations[node], self.block
        if operation == "constant":
            return splat(self._graph.constants[node])
        if operation in _SOURCES:
            address = self._address(_SOURCES[operation], self._graph.arguments[node][0])
            return block.value(f"load {block.doubles}, ptr {address}, align 8")
        values = [self._values[part] for part in self._graph.parts(node)]
        if operation in BOOLEAN:
            return self._truth(operation, values)
        if operation == "pow":
            return self._power(node, *values)
        return self._number(operation, values)

    def _truth(self, operation: str, values: list[Value]) -> Value:
        block = self.block
        if operation in {"true", "false"}:
            return f"splat (i1 {operation})"
        if operation == "truth":
            return block.compare("une", values[0], splat(0.0))
        if operation == "not":
            return block.logic("xor", values[0], "splat (i1 true)")
        if operation in _COMPARISONS:
            return block.compare(_COMPARISONS[operation], *values)
        return block.logic(operation, *values)

    def _number(self, operation: str, values: list[Value]) -> Value:
        block = self.block
        if operation in _ARITHMETIC:
            result: Value = getattr(block, operation)(*values)
            return result
        if operation == "select":
            return block.select(values[0], values[1], values[2])
        if operation == "number":
            return block.select(values[0], splat(1.0), splat(0.0))
        if operation in _OWN:
            return block.call(operation, *values)
        if operation in _NATIVE:
            return block.intrinsic(_NATIVE[operation], *values)
        if operation in _LIBRARY:
            return block.by_lane(_LIBRARY[operation], *values)
        return self._composed(operation, values)

    def _composed(self, operation: str, values: list[Value]) -> Value:
        block, zero = self.block, splat(0.0)
        if operation == "factorial":
            return block.by_lane("tgamma", block.add(values[0], splat(1.0)))
        if operation == "over_base":
            power, base, exponent = values
            at_zero = block.call("pow", zero, block.sub(exponent, splat(1.0)))
            return block.select(block.compare("oeq", base, zero), at_zero, block.div(power, base))
        power, base = values  # times_log
        product = block.mul(power, block.call("log", base))
        return block.select(block.compare("oeq", power, zero), zero, product)

    def _power(self, node: Node, base: Value, exponent: Value) -> Value:
        constant = self._graph.constants.get(self._graph.arguments[node][1])
        if constant is None or constant % 1 or abs(constant) > _LONGEST_PRODUCT:
            return self.block.call("pow", base, exponent)
        result = self._product(base, int(abs(constant)))
        return result if constant > 0 else self.block.div(splat(1.0), result)

    def _product(self, base: Value, count: int) -> Value:
        """Return base^count by squaring."""
        result: Value | None = None
        square = base
        while True:
            if count % 2:
                result = square if result is None else self.block.mul(result, square)
            count //= 2
            if count == 0:
                return result or square
            square = self.block.mul(square, square)
