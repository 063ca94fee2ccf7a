"""What lies between the steps: the interpolant's values, and the points of the output."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import explicit, layout, rosenbrock
from bioxen.server.engines.kinetic.lanes.ode.layout import block, parameter_row
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.operations import (
    anywhere,
    both,
    broadcast,
    choose,
    either,
    load,
    store,
)
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH


@lean
def prepare(stiff: bool, w: NDArray[np.float64], n: int) -> None:
    """Write the polynomial of the step just tried."""
    if stiff:
        rosenbrock.interpolant(w, n)
    else:
        explicit.interpolant(w, n)


@lean
def sample(w: NDArray[np.float64], n: int) -> None:
    """Write the state at each lane's time in MOMENT, which lies within its step; the step's end is exact."""
    y, new, c, out = (
        block(n, layout.STATE),
        block(n, layout.NEW),
        block(n, layout.POLYNOMIAL),
        block(n, layout.SAMPLE),
    )
    share = (load(w, layout.MOMENT) - load(w, layout.TIME)) / load(w, layout.STEP)
    ended = share >= 1.0
    for i in range(n):
        value = load(w, c + 2 * n + i) + share * load(w, c + 3 * n + i)
        value = load(w, c + n + i) + share * value
        value = load(w, c + i) + share * value
        value = load(w, y + i) + share * value
        store(w, out + i, choose(ended, load(w, new + i), value))


@lean
def is_due(w: NDArray[np.float64]) -> bool:
    """Return whether a point may lie within an accepted step, and write the times of such as MOMENT.

    A point at the very end of a step that an event cut comes after the event, so it is not due yet.
    """
    after, end, time = load(w, layout.NEXT), load(w, layout.END), load(w, layout.TIME)
    uncut = both(after <= end, load(w, layout.FRESH) <= 0.0)
    due = both(either(after < end, uncut), load(w, layout.ACCEPTED) > 0.0)
    due = both(due, load(w, layout.ACTIVE) > 0.0)
    store(w, layout.MOMENT, choose(due, after, time))
    store(w, layout.LOW, choose(due, broadcast(1.0), broadcast(0.0)))
    return anywhere(due)


@lean
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
    while is_due(w):
        sample(w, n)
        for lane in range(WIDTH):
            if w[layout.LOW * WIDTH + lane] != 0.0:
                _write(w, n, lane, out, member[lane], point[lane], values, changing)
                _proceed(w, lane, times, point)


@lean
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
            while w[layout.NEXT * WIDTH + lane] <= w[layout.TIME * WIDTH + lane]:
                _write(w, n, lane, y, member[lane], point[lane], values, changing)
                _proceed(w, lane, times, point)


@lean
def _proceed(w: NDArray[np.float64], lane: int, times: NDArray[np.float64], point: NDArray[np.int64]) -> None:
    point[lane] += 1
    w[layout.NEXT * WIDTH + lane] = times[point[lane]] if point[lane] < len(times) else np.inf


@lean
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
    p = parameter_row(n)
    if len(changing):
        for i in range(changing.shape[2]):
            changing[member, point, i] = w[(p + i) * WIDTH + lane]
