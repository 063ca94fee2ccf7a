"""Call generated functions, with every lane alike or each its own."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.server.engines.kinetic.lanes.emit import module
from bioxen.server.engines.kinetic.lanes.graph import Graph, Node
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

Floats = NDArray[np.float64]
_SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 4)
_GUARD = -987.25
"""What stands behind the output, to notice a function that writes too far."""


def lanes(values: ArrayLike, width: int) -> Floats:
    """Return rows of lanes: a number a row is repeated, a table [members][rows] is turned."""
    array = np.asarray(values, dtype=float)
    return np.repeat(array[:, None], width, axis=1) if array.ndim == 1 else np.ascontiguousarray(array.T)


def call(
    address: int, width: int, time: float, states: ArrayLike, parameters: ArrayLike, count: int
) -> Floats:
    """Return [lanes][count] of what a generated function writes."""
    moment, y, p = np.full(width, time), lanes(states, width), lanes(parameters, width)
    out = np.full((count + 1, width), _GUARD)
    _SIGNATURE(address)(moment.ctypes.data, y.ctypes.data, p.ctypes.data, out.ctypes.data)
    assert (out[count] == _GUARD).all()
    return out[:count].T


def run(
    graph: Graph, nodes: Sequence[Node], states: Floats, time: float = 0.0, width: int | None = None
) -> Floats:
    """Compile `nodes` and return [members][nodes] for states [members][states]."""
    width = width or WIDTH
    code = Code(module(graph, nodes, width), ["f"])
    members = len(states)
    padded = np.vstack([states, np.repeat(states[:1], -members % width, axis=0)])
    parts = [
        call(code.addresses["f"], width, time, padded[start : start + width], [0.0], len(nodes))
        for start in range(0, len(padded), width)
    ]
    return np.vstack(parts)[:members]
