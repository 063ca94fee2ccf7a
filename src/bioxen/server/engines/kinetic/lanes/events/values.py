"""What an event assigns, and the random draws in that and in its delay."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.given import (
    ARGUMENTS_OF_VALUES,
    AT_ARGUMENTS,
    AT_DRAWS,
    AT_PARAMETERS,
    AT_STATES,
    AT_TIME,
    AT_VALUES,
    EACH,
    VALUES,
    Events,
)
from bioxen.server.engines.kinetic.lanes.events.room import Room
from bioxen.server.engines.kinetic.lanes.events.status import (
    BROKEN,
    DONE,
    NEGATIVE_AMOUNT,
    NOT_FINITE,
    UNDRAWN,
)
from bioxen.server.engines.kinetic.lanes.random.sample import sample
from bioxen.server.engines.kinetic.lanes.simd.compiled import inlined
from bioxen.server.engines.kinetic.lanes.simd.operations import call
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_WHOLE = 1e-9
"""How far a number of molecules may be from a whole one, relative to itself."""


@inlined
def compute(events: Events, w: NDArray[np.float64], function: int, out: int) -> None:
    """Write what a function gives for the present time and state of every lane to the rows from `out` on."""
    rows = events.rows
    call(events.functions[function], w, rows[AT_TIME], rows[AT_STATES], rows[AT_PARAMETERS], out)


@inlined
def evaluate(events: Events, w: NDArray[np.float64], lane: int, event: int, room: Room, place: int) -> int:
    """Compute what an event assigns now, for its place in the room; return what is wrong, or `DONE`."""
    function = EACH + 3 * event
    first, last = events.draws[event], events.delay_draws[event]
    code = draw(events, w, lane, function + ARGUMENTS_OF_VALUES, first, last)
    size = events.pointers[event + 1] - events.pointers[event]
    if size and code == DONE:
        compute(events, w, function + VALUES, events.rows[AT_VALUES])
        for at in range(size):
            value = w[(events.rows[AT_VALUES] + at) * WIDTH + lane]
            room.values[lane, place, at] = value
            if events.finite and not math.isfinite(value):
                code = NOT_FINITE
    return code


@inlined
def draw(events: Events, w: NDArray[np.float64], lane: int, function: int, first: int, last: int) -> int:
    """Make some draws, one after the other, since one may take another's for an argument."""
    for at in range(first, last):
        row = events.rows[AT_ARGUMENTS]
        compute(events, w, function, row)
        row += 4 * (at - first)
        drawn = sample(
            w.view(np.int64),
            lane,
            events.codes[at],
            w[row * WIDTH + lane],
            w[(row + 1) * WIDTH + lane],
            w[(row + 2) * WIDTH + lane],
            w[(row + 3) * WIDTH + lane],
        )
        if math.isnan(drawn):
            return UNDRAWN
        w[(events.rows[AT_DRAWS] + at) * WIDTH + lane] = drawn
    return DONE


@inlined
def molecules(value: float) -> tuple[float, int]:
    """Return a number of molecules, and what is wrong with it."""
    if value < 0.0:
        return value, NEGATIVE_AMOUNT
    near = np.round(value)
    return near, DONE if abs(value - near) <= _WHOLE * max(1.0, value) else BROKEN
