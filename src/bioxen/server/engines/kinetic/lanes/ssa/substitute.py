"""Inputs of an expression put in the place of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bioxen.server.engines.kinetic.lanes.graph import Graph, Node


def substitute(graph: Graph, roots: Sequence[Node], kind: str, by: Callable[[int], Node]) -> list[Node]:
    """Return `roots` with input i of a kind replaced by `by(i)`."""
    new: dict[Node, Node] = {}
    for node in graph.reachable(roots):
        parts = graph.parts(node)
        if graph.operations[node] == kind:
            new[node] = by(graph.arguments[node][0])
        elif any(new[part] != part for part in parts):
            new[node] = graph.make(graph.operations[node], *(new[part] for part in parts))
        else:
            new[node] = node
    return [new[root] for root in roots]
