"""Evaluate one generated function at many points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.elementary import rows
from bioxen.server.engines.kinetic.lanes.simd.operations import call
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH


def evaluate(
    address: int, times: ArrayLike, states: ArrayLike, parameters: ArrayLike, size: int
) -> NDArray[np.float64]:
    """Return [points][size]: the function at `address` at each time, state and parameters.

    Args:
        address: of a function of a program.
        times: [points], one for all, or so many that each member has them all, one after the other.
        states: [points][states]
        parameters: [points][parameters], or [members][parameters] where each serves equally many points.
        size: how many numbers the function writes.
    """
    y = np.ascontiguousarray(states, np.float64)
    p = np.ascontiguousarray(parameters, np.float64)
    t = np.atleast_1d(np.ascontiguousarray(times, np.float64))
    out = np.empty((len(y), size))
    if size and len(y):
        _evaluate(address, t, y, p, len(y) // len(p), out)
    return out


@compiled
def _evaluate(
    address: int,
    times: NDArray[np.float64],
    states: NDArray[np.float64],
    parameters: NDArray[np.float64],
    share: int,
    out: NDArray[np.float64],
) -> None:
    points, n = states.shape
    m, size = parameters.shape[1], out.shape[1]
    y, p, found = 1, 1 + n, 1 + n + m
    w = rows(found + size)
    for begin in range(0, points, WIDTH):
        for lane in range(WIDTH):
            at = min(begin + lane, points - 1)
            w[lane] = times[at % len(times)]
            for i in range(n):
                w[(y + i) * WIDTH + lane] = states[at, i]
            for i in range(m):
                w[(p + i) * WIDTH + lane] = parameters[at // share, i]
        call(address, w, 0, y, p, found)
        for lane in range(min(WIDTH, points - begin)):
            for i in range(size):
                out[begin + lane, i] = w[(found + i) * WIDTH + lane]
