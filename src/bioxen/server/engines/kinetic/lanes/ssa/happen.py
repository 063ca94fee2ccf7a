"""Events beside firings: which lanes have to look for them, and what they do there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.given import AT_SEEN, AT_TRIGGERS, TRIGGERS
from bioxen.server.engines.kinetic.lanes.events.occur import arrive
from bioxen.server.engines.kinetic.lanes.events.room import Room
from bioxen.server.engines.kinetic.lanes.events.values import compute
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.given import Occasions


@lean
def begin(
    occasions: Occasions,
    w: NDArray[np.float64],
    room: Room,
    member: NDArray[np.int64],
    first: int,
    fresh: NDArray[np.bool_],
) -> None:
    """Prepare the lanes that have members from `first` on."""
    for lane in range(WIDTH):
        if member[lane] >= first:
            fresh[lane] = True
            arrive(occasions.events, w, lane, room)


@lean
def risen(
    occasions: Occasions, w: NDArray[np.float64], member: NDArray[np.int64], fresh: NDArray[np.bool_]
) -> bool:
    """Mark the lanes in which a trigger is not what it was; return whether there is one."""
    events = occasions.events
    now, seen = events.rows[AT_TRIGGERS], events.rows[AT_SEEN]
    compute(events, w, TRIGGERS, seen)
    found = False
    for lane in range(WIDTH):
        if member[lane] >= 0:
            for event in range(events.size):
                if w[(now + event) * WIDTH + lane] != w[(seen + event) * WIDTH + lane]:
                    fresh[lane] = found = True
    return found
