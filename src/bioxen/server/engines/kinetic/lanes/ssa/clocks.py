"""What the passing of time does between two firings: clocks move, and something jumps at times foreseen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.room import Room, next_due
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.operations import call, load, store
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.given import AT_CLOCKS, AT_CROSSINGS, CROSSINGS, Occasions
from bioxen.server.engines.kinetic.lanes.ssa.layout import NEXT, POINT, START, TIME


@compiled
def advance(occasions: Occasions, w: NDArray[np.float64]) -> None:
    """Move the clocks of all lanes to the time of what happens next."""
    drift = occasions.rows[AT_CLOCKS]
    if len(occasions.clocks):
        passed = load(w, NEXT) - load(w, TIME)
        for i in range(len(occasions.clocks)):
            row = START + occasions.clocks[i]
            store(w, row, load(w, row) + passed * load(w, drift + i))


@compiled
def clocks_between(
    occasions: Occasions,
    w: NDArray[np.float64],
    lane: int,
    times: NDArray[np.float64],
    first: int,
    last: int,
    values: NDArray[np.float64],
    index: int,
) -> None:
    """Write what a member's clocks show at points of the output between two firings."""
    for i in range(len(occasions.clocks)):
        rate = w[(occasions.rows[AT_CLOCKS] + i) * WIDTH + lane]
        for at in range(first, last):
            values[index, at, occasions.clocks[i]] += rate * (times[at] - w[TIME * WIDTH + lane])


@compiled
def foresee(
    occasions: Occasions,
    w: NDArray[np.float64],
    p: int,
    member: NDArray[np.int64],
    point: NDArray[np.int64],
    times: NDArray[np.float64],
    room: Room,
    fresh: NDArray[np.bool_],
    until: NDArray[np.float64],
    nudge: NDArray[np.float64],
) -> None:
    """Note when something next jumps in the lanes whose state is new, or an event has waited long enough.

    What stands on its threshold right now has passed it a moment later; looking again then costs nothing,
    since the wait for the next reaction has no memory. The moment doubles while rounding hides it.
    """
    first = occasions.rows[AT_CROSSINGS]
    if occasions.crossings:
        call(occasions.functions[CROSSINGS], w, TIME, START, p, first)
    for lane in range(WIDTH):
        if member[lane] < 0 or not (fresh[lane] or occasions.restless):
            continue
        now, soonest, stands = w[TIME * WIDTH + lane], next_due(room, lane), False
        for i in range(occasions.crossings):
            moment = w[(first + i) * WIDTH + lane]
            stands = stands or moment == now
            if now < moment < soonest:
                soonest = moment
        if stands:
            shortest = np.spacing(max(abs(now), abs(times[-1])))
            nudge[lane] = max(2.0 * nudge[lane], shortest)
            soonest = min(soonest, now + nudge[lane])
        else:
            nudge[lane] = 0.0
        until[lane] = soonest
        shown = times[point[lane]] if point[lane] < len(times) else np.inf
        w[POINT * WIDTH + lane] = min(shown, soonest)
        fresh[lane] = False
