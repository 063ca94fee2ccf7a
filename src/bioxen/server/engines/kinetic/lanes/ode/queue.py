"""Events between their triggers and their assignments: each has places for times and the values kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

SLOTS = 32
"""How often one event may have been triggered and not yet be carried out; a member with more fails."""
TOO_MANY, BACKWARD = 4, 5


@lean
def forget(w: NDArray[np.float64], queue: int, rows: int, lane: int) -> None:
    """Empty the queue of a lane."""
    for row in range(queue, queue + rows):
        w[row * WIDTH + lane] = np.inf
    w[layout.DUE * WIDTH + lane] = np.inf


@lean
def enter(
    w: NDArray[np.float64],
    queue: int,
    events: int,
    event: int,
    lane: int,
    delay: float,
    first: int,
    after: int,
    kept: int,
) -> int:
    """Let an event wait, with the values at `kept` for its targets `first` to `after`; return a status."""
    if not 0.0 <= delay < np.inf:
        return BACKWARD
    for slot in range(SLOTS):
        row = queue + event * SLOTS + slot
        if w[row * WIDTH + lane] == np.inf:
            w[row * WIDTH + lane] = w[layout.TIME * WIDTH + lane] + delay
            for at in range(first, after):
                value = queue + (events + at) * SLOTS + slot
                w[value * WIDTH + lane] = w[(kept + at) * WIDTH + lane]
            return 0
    return TOO_MANY


@lean
def cancel(w: NDArray[np.float64], queue: int, event: int, lane: int) -> None:
    """Let an event wait no more."""
    for slot in range(SLOTS):
        w[(queue + event * SLOTS + slot) * WIDTH + lane] = np.inf


@lean
def earliest(w: NDArray[np.float64], queue: int, event: int, lane: int) -> int:
    """Return the slot of an event that is due first; the first one where none waits."""
    best = 0
    for slot in range(1, SLOTS):
        row = queue + event * SLOTS
        if w[(row + slot) * WIDTH + lane] < w[(row + best) * WIDTH + lane]:
            best = slot
    return best


@lean
def is_ready(w: NDArray[np.float64], queue: int, event: int, lane: int) -> bool:
    """Return whether an event is due now."""
    row = queue + event * SLOTS + earliest(w, queue, event, lane)
    return w[row * WIDTH + lane] <= w[layout.TIME * WIDTH + lane]


@lean
def leave(
    w: NDArray[np.float64], queue: int, events: int, event: int, lane: int, first: int, after: int, kept: int
) -> None:
    """Take the event that is due out, and write its values to row `kept`."""
    slot = earliest(w, queue, event, lane)
    w[(queue + event * SLOTS + slot) * WIDTH + lane] = np.inf
    for at in range(first, after):
        w[(kept + at) * WIDTH + lane] = w[(queue + (events + at) * SLOTS + slot) * WIDTH + lane]


@lean
def foresee(w: NDArray[np.float64], queue: int, events: int, lane: int) -> None:
    """Write when the next event is due."""
    due = np.inf
    for row in range(queue, queue + events * SLOTS):
        due = min(due, w[row * WIDTH + lane])
    w[layout.DUE * WIDTH + lane] = due
