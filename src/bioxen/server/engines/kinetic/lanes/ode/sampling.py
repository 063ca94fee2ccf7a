"""What lies between the steps: the interpolant's values, and the points of the output."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import explicit, layout, rosenbrock
from bioxen.server.engines.kinetic.lanes.ode.layout import block
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.operations import choose, load, store
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH


@compiled
def prepare(stiff: bool, w: NDArray[np.float64], n: int) -> None:
    """Write the polynomial of the step just tried."""
    if stiff:
        rosenbrock.interpolant(w, n)
    else:
        explicit.interpolant(w, n)


@compiled
def sample(w: NDArray[np.float64], n: int) -> None:
    """Write the state at each lane's time in MOMENT, which lies within its step; the step's end is exact."""
    y, new, c, out = block(n, layout.STATE), block(n, layout.NEW), block(n, layout.POLYNOMIAL), block(n, layout.SAMPLE)
    share = (load(w, layout.MOMENT) - load(w, layout.TIME)) / load(w, layout.STEP)
    ended = share >= 1.0
    for i in range(n):
        value = load(w, c + 2 * n + i) + share * load(w, c + 3 * n + i)
        value = load(w, c + n + i) + share * value
        value = load(w, c + i) + share * value
        value = load(w, y + i) + share * value
        store(w, out + i, choose(ended, load(w, new + i), value))


@compiled
def due(w: NDArray[np.float64], lane: int, times: NDArray[np.float64], point: int) -> bool:
    """Return whether a point lies within the accepted step; one at the very time of an event comes after it."""
    if w[layout.ACCEPTED * WIDTH + lane] == 0.0 or point >= len(times):
        return False
    time, end = times[point], w[layout.END * WIDTH + lane]
    return bool(time < end or (time == end and w[layout.FRESH * WIDTH + lane] == 0.0))


@compiled
def record(
    w: NDArray[np.float64],
    n: int,
    times: NDArray[np.float64],
    member: NDArray[np.int64],
    point: NDArray[np.int64],
    values: NDArray[np.float64],
    changing: NDArray[np.float64],
) -> None:
    """Write the points that lie within the accepted steps."""
    out = block(n, layout.SAMPLE)
    while True:
        found = False
        for lane in range(WIDTH):
            w[layout.MOMENT * WIDTH + lane] = w[layout.TIME * WIDTH + lane]
            if member[lane] >= 0 and due(w, lane, times, point[lane]):
                w[layout.MOMENT * WIDTH + lane] = times[point[lane]]
                found = True
        if not found:
            return
        sample(w, n)
        for lane in range(WIDTH):
            if member[lane] >= 0 and due(w, lane, times, point[lane]):
                _write(w, n, lane, out, member[lane], point[lane], values, changing)
                point[lane] += 1


@compiled
def record_now(
    w: NDArray[np.float64],
    n: int,
    times: NDArray[np.float64],
    member: NDArray[np.int64],
    point: NDArray[np.int64],
    values: NDArray[np.float64],
    changing: NDArray[np.float64],
) -> None:
    """Write the points that lie at the fresh lanes' present time, after its events."""
    y = block(n, layout.STATE)
    for lane in range(WIDTH):
        if member[lane] >= 0 and w[layout.FRESH * WIDTH + lane] != 0.0:
            while point[lane] < len(times) and times[point[lane]] <= w[layout.TIME * WIDTH + lane]:
                _write(w, n, lane, y, member[lane], point[lane], values, changing)
                point[lane] += 1


@compiled
def _write(
    w: NDArray[np.float64],
    n: int,
    lane: int,
    row: int,
    member: int,
    point: int,
    values: NDArray[np.float64],
    changing: NDArray[np.float64],
) -> None:
    """Write a state, and the parameters where events may change them."""
    for i in range(n):
        values[member, point, i] = w[(row + i) * WIDTH + lane]
    p = layout.SINGLES + layout.BLOCKS * n
    if len(changing):
        for i in range(changing.shape[2]):
            changing[member, point, i] = w[(p + i) * WIDTH + lane]
