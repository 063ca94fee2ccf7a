"""Expressions as functions in LLVM IR: `void f(time, states, parameters, out)`, all rows of lanes.

The time LLVM takes grows faster than the length of a function, so long ones are cut into chunks that run one
after the other; what a later chunk needs of an earlier one goes through scratch rows on the stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bioxen.server.engines.kinetic.lanes import instructions
from bioxen.server.engines.kinetic.lanes.block import Block, Value, splat
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.library import functions
from bioxen.server.engines.kinetic.lanes.operations import BOOLEAN

_CHUNK: Final = 600
"""Instructions in one chunk, about."""
_MOST_INLINE: Final = 40
"""Functions of our own are written out, and so overlap, where there are no more of them than this."""
_SOURCES: Final = {"time": "%t", "state": "%y", "parameter": "%p"}
_POINTERS: Final = "ptr readonly %t, ptr readonly %y, ptr readonly %p, ptr noalias %out"
_PASSED: Final = "ptr %t, ptr %y, ptr %p, ptr %out"
_Step = tuple[Node, int | None]
"""A node to compute, or (with a row) to write to the output."""


def module(graph: Graph, outputs: Sequence[Node], width: int, name: str = "f", *, joins: bool = False) -> str:
    """Return the IR of a function that writes the values of `outputs`, a row each.

    Args:
        graph: has the expressions.
        outputs: what is written.
        width: lanes of a row.
        name: of the function.
        joins: whether it may become part of what calls it, where it is short.
    """
    outputs = [graph.number(node) for node in outputs]
    own = sum(instructions.is_own(graph.operations[node]) for node in graph.reachable(outputs))
    inline = own <= _MOST_INLINE
    chunks = _chunks(graph, outputs, width, inline)
    slots = _slots(graph, chunks)
    blocks = [_Chunk(graph, Block(width, inline=inline), slots) for _ in chunks]
    bodies = [block.write(chunk) for block, chunk in zip(blocks, chunks, strict=True)]
    called = set[str]().union(*(block.block.called for block in blocks))
    declared = set[str]().union(*(block.block.declared for block in blocks))
    apart = "" if joins and len(chunks) == 1 else " noinline"
    texts = [
        _function(f"internal void @{name}{index}", f"{_POINTERS}, ptr noalias %s", body, apart)
        for index, body in enumerate(bodies)
    ]
    calls = [f"  call void @{name}{i}({_PASSED}, ptr %s)" for i in range(len(chunks))]
    scratch = f"  %s = alloca <{width} x double>, i64 {max(len(slots), 1)}, align 64"
    texts.append(_function(f"void @{name}", _POINTERS, "\n".join([scratch, *calls]), apart))
    return "\n".join([functions(called, width, declared), *texts])


def _function(head: str, parameters: str, body: str, apart: str) -> str:
    return f"define {head}({parameters}) nounwind{apart} {{\n{body}\n  ret void\n}}"


def _chunks(graph: Graph, outputs: Sequence[Node], width: int, inline: bool) -> list[list[_Step]]:
    """Return the steps in order, cut; a node is computed when the first output needs it."""
    chunks: list[list[_Step]] = [[]]
    size = 0
    for node, row in _steps(graph, outputs):
        if size > _CHUNK:
            chunks.append([])
            size = 0
        size += instructions.cost(graph.operations[node], width, inline)
        chunks[-1].append((node, row))
    return chunks


def _steps(graph: Graph, outputs: Sequence[Node]) -> list[_Step]:
    steps: list[_Step] = []
    done: set[Node] = set()
    for row, output in enumerate(outputs):
        waiting = [output]
        while waiting:
            node = waiting[-1]
            missing = [part for part in graph.parts(node) if part not in done]
            if missing:
                waiting.extend(reversed(missing))
                continue
            waiting.pop()
            if node not in done:
                done.add(node)
                steps.append((node, None))
        steps.append((output, row))
    return steps


def _slots(graph: Graph, chunks: Sequence[Sequence[_Step]]) -> dict[Node, int]:
    """Return the scratch row of each node that a later chunk needs."""
    made: dict[Node, int] = {}
    slots: dict[Node, int] = {}
    for index, chunk in enumerate(chunks):
        for node, row in chunk:
            needed = graph.parts(node) if row is None else (node,)
            for part in needed:
                if made.get(part, index) != index and not _is_at_hand(graph, part):
                    slots.setdefault(part, len(slots))
            made.setdefault(node, index)
    return slots


def _is_at_hand(graph: Graph, node: Node) -> bool:
    """Whether every chunk has the node from the inputs or as a constant."""
    return not graph.parts(node)


class _Chunk:
    """Writes the instructions of one chunk."""

    def __init__(self, graph: Graph, block: Block, slots: dict[Node, int]) -> None:
        self.block = block
        self._graph = graph
        self._slots = slots
        self._values: dict[Node, Value] = {}

    def write(self, steps: Sequence[_Step]) -> str:
        for node, row in steps:
            if row is not None:
                self._store("%out", row, self._value(node))
            elif not _is_at_hand(self._graph, node):
                self._values[node] = self._compute(node)
                self._keep(node)
        return "\n".join(self.block.lines)

    def _keep(self, node: Node) -> None:
        if node in self._slots:
            value = self._values[node]
            if self._graph.is_boolean(node):
                value = self.block.select(value, splat(1.0), splat(0.0))
            self._store("%s", self._slots[node], value)

    def _value(self, node: Node) -> Value:
        if node not in self._values:
            if _is_at_hand(self._graph, node):
                self._values[node] = self._input(node)
            else:
                value = self._load("%s", self._slots[node])
                is_boolean = self._graph.is_boolean(node)
                self._values[node] = self.block.compare("une", value, splat(0.0)) if is_boolean else value
        return self._values[node]

    def _input(self, node: Node) -> Value:
        operation = self._graph.operations[node]
        if operation == "constant":
            return splat(self._graph.constants[node])
        if operation in _SOURCES:
            return self._load(_SOURCES[operation], self._graph.arguments[node][0])
        return instructions.truth(self.block, operation, [])

    def _compute(self, node: Node) -> Value:
        operation = self._graph.operations[node]
        parts = self._graph.parts(node)
        values = [self._value(part) for part in parts]
        if operation in BOOLEAN:
            return instructions.truth(self.block, operation, values)
        constants = [self._graph.constants.get(part) for part in parts]
        return instructions.number(self.block, operation, values, constants)

    def _load(self, base: str, row: int) -> Value:
        return self.block.value(f"load {self.block.doubles}, ptr {self._address(base, row)}, align 8")

    def _store(self, base: str, row: int, value: Value) -> None:
        self.block.do(f"store {self.block.doubles} {value}, ptr {self._address(base, row)}, align 8")

    def _address(self, base: str, row: int) -> Value:
        if row == 0:
            return base
        return self.block.value(f"getelementptr {self.block.doubles}, ptr {base}, i64 {row}")
