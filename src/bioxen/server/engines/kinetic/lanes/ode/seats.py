"""Members take lanes and leave them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.status import DONE, NOT_FINITE, WORDS
from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.ode.layout import block, parameter_row
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

TOO_MANY_STEPS, TOO_SMALL = 1, 3
STATUS = {
    DONE: "ok",
    TOO_MANY_STEPS: "too many steps",
    NOT_FINITE: "not finite",
    TOO_SMALL: "step too small",
    **WORDS,
}
"""How a member ended."""
ULPS = 1.8e-15
SMALLEST = 1e-200


@lean
def take(
    w: NDArray[np.float64],
    n: int,
    m: int,
    lane: int,
    state: NDArray[np.float64],
    parameters: NDArray[np.float64],
    start: float,
    times: NDArray[np.float64],
) -> None:
    """Put a member into a lane."""
    y, p = block(n, layout.STATE), parameter_row(n)
    for i in range(n):
        w[(y + i) * WIDTH + lane] = state[i]
    for i in range(m):
        w[(p + i) * WIDTH + lane] = parameters[i]
    w[layout.TIME * WIDTH + lane] = start
    w[layout.LIMIT * WIDTH + lane] = times[-1]
    w[layout.NEXT * WIDTH + lane] = times[0]
    w[layout.STEPS * WIDTH + lane] = w[layout.REJECTED * WIDTH + lane] = 0.0
    w[layout.ACTIVE * WIDTH + lane] = 1.0
    w[layout.KNOWN * WIDTH + lane] = -np.inf
    w[layout.DUE * WIDTH + lane] = w[layout.STOP * WIDTH + lane] = np.inf
    w[layout.FRESH * WIDTH + lane] = 1.0


@lean
def note(w: NDArray[np.float64], max_steps: int, failed: NDArray[np.int8]) -> None:
    """Note which lanes cannot go on."""
    for lane in range(WIDTH):
        time, step = w[layout.TIME * WIDTH + lane], w[layout.STEP * WIDTH + lane]
        if w[layout.ACCEPTED * WIDTH + lane] == 0.0 and not step > max(ULPS * abs(time), SMALLEST):
            failed[lane] = TOO_SMALL if w[layout.ERROR * WIDTH + lane] < np.inf else NOT_FINITE
        tried = w[layout.STEPS * WIDTH + lane] + w[layout.REJECTED * WIDTH + lane]
        if tried >= max_steps and time < w[layout.LIMIT * WIDTH + lane]:
            failed[lane] = TOO_MANY_STEPS


@lean
def close(
    w: NDArray[np.float64],
    n: int,
    settled: bool,
    member: NDArray[np.int64],
    point: NDArray[np.int64],
    failed: NDArray[np.int8],
    values: NDArray[np.float64],
    status: NDArray[np.int8],
    steps: NDArray[np.int64],
    rejected: NDArray[np.int64],
) -> bool:
    """Let go of the members that ended or failed, and return whether there were any; what one lacks is NaN.

    A member that ended with an event is kept until that is `settled`.
    """
    y = block(n, layout.STATE)
    closed = False
    for lane in range(WIDTH):
        index = member[lane]
        ended = w[layout.TIME * WIDTH + lane] >= w[layout.LIMIT * WIDTH + lane]
        if not settled and w[layout.FRESH * WIDTH + lane] != 0.0:
            ended = False
        if index < 0 or not (ended or failed[lane] != DONE):
            continue
        for i in range(n):
            if not np.isfinite(w[(y + i) * WIDTH + lane]) and failed[lane] == DONE:
                failed[lane] = NOT_FINITE
        if failed[lane] != DONE:
            values[index, point[lane] :, :] = np.nan
        status[index] = failed[lane]
        steps[index] = int(w[layout.STEPS * WIDTH + lane])
        rejected[index] = int(w[layout.REJECTED * WIDTH + lane])
        w[layout.ACTIVE * WIDTH + lane] = 0.0
        member[lane] = -1
        closed = True
    return closed
