"""Events between steps: carried out where a step ended with one, before the integration goes on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.given import Events
from bioxen.server.engines.kinetic.lanes.events.occur import occur
from bioxen.server.engines.kinetic.lanes.events.room import Room, next_due
from bioxen.server.engines.kinetic.lanes.events.status import DONE
from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH


@lean
def happen(events: Events, w: NDArray[np.float64], room: Room, failed: NDArray[np.int8]) -> None:
    """Carry out what is due in the fresh lanes, and write when the next of what waits will be."""
    for lane in range(WIDTH):
        room.going[lane] = w[layout.FRESH * WIDTH + lane] != 0.0
    occur(events, w, room)
    for lane in range(WIDTH):
        if w[layout.FRESH * WIDTH + lane] != 0.0:
            if room.code[lane] != DONE:
                failed[lane] = room.code[lane]
            w[layout.DUE * WIDTH + lane] = next_due(room, lane)
