"""Gillespie's direct method in every lane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.elementary import logarithm, rows
from bioxen.server.engines.kinetic.lanes.simd.operations import broadcast, call, choose, load, smaller, store
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.philox import philox, uniform

DONE, TOO_MANY_EVENTS, NOT_FINITE, NEGATIVE_PROPENSITY, NEGATIVE_AMOUNT = 0, 1, 2, 4, 5

TIME, NEXT, COUNTER, STREAM, RANDOM, TOTAL, LOWEST, CHOICE, START = 0, 1, 2, 3, 4, 6, 7, 8, 9
"""Rows: the time, the time of the next event, the random stream's counter and number, two random words, the
sum of the propensities, the lowest of them, the reaction chosen; then states, parameters, propensities, sums."""


@compiled
def direct(
    fluxes: int,
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    reactions: int,
    states: NDArray[np.float64],
    parameters: NDArray[np.float64],
    start: float,
    times: NDArray[np.float64],
    seed: np.uint64,
    first_member: int,
    max_events: int,
    values: NDArray[np.float64],
    status: NDArray[np.int8],
    events: NDArray[np.int64],
) -> None:
    """Simulate every member; see `stochastic`."""
    members, n = states.shape
    m = parameters.shape[1]
    x, p = START, START + n
    a = p + m
    w = rows(a + 2 * reactions)
    number = w.view(np.int64)
    member, point = np.full(WIDTH, -1), np.zeros(WIDTH, np.int64)
    waiting = 0
    while True:
        busy = False
        for lane in range(WIDTH):
            if member[lane] < 0 and waiting < members:
                for i in range(n):
                    w[(x + i) * WIDTH + lane] = states[waiting, i]
                for i in range(m):
                    w[(p + i) * WIDTH + lane] = parameters[waiting, i]
                w[TIME * WIDTH + lane] = start
                number[COUNTER * WIDTH + lane] = 0
                number[STREAM * WIDTH + lane] = first_member + waiting
                member[lane], point[lane] = waiting, 0
                waiting += 1
            busy = busy or member[lane] >= 0
        if not busy:
            return
        call(fluxes, w, TIME, x, p, a)
        draw(w, a, reactions, seed)
        for lane in range(WIDTH):
            index = member[lane]
            if index < 0:
                continue
            total, later = w[TOTAL * WIDTH + lane], w[NEXT * WIDTH + lane]
            code = judge(total, w[LOWEST * WIDTH + lane])
            if code == DONE:
                while point[lane] < len(times) and times[point[lane]] < later:
                    for i in range(n):
                        values[index, point[lane], i] = w[(x + i) * WIDTH + lane]
                    point[lane] += 1
                if point[lane] == len(times):
                    member[lane] = -1
                    continue
                code = _fire(w, x, a, reactions, pointers, species, changes, lane)
                events[index] += 1
                number[COUNTER * WIDTH + lane] += 1
                w[TIME * WIDTH + lane] = later
                if code == DONE and events[index] >= max_events:
                    code = TOO_MANY_EVENTS
            if code != DONE:
                values[index, point[lane] :, :] = np.nan
                status[index] = code
                member[lane] = -1


@compiled
def draw(w: NDArray[np.float64], a: int, reactions: int, seed: np.uint64) -> None:
    """Draw the time of each lane's next event and the reaction; leave the sums of the propensities."""
    total, lowest = broadcast(0.0), broadcast(0.0)
    for j in range(reactions):
        propensity = load(w, a + j)
        lowest = smaller(propensity, lowest)
        total = total + propensity
        store(w, a + reactions + j, total)
    philox(w, COUNTER, STREAM, RANDOM, seed)
    store(w, TOTAL, total)
    store(w, LOWEST, lowest)
    store(w, NEXT, load(w, TIME) - logarithm(uniform(w, RANDOM)) / total)
    threshold = uniform(w, RANDOM + 1) * total
    passed = broadcast(0.0)
    for j in range(reactions):
        passed = choose(load(w, a + reactions + j) <= threshold, passed + 1.0, passed)
    store(w, CHOICE, passed)


@compiled
def judge(total: float, lowest: float) -> int:
    """Return what is wrong with the propensities, or `DONE`."""
    if lowest < 0.0:
        return NEGATIVE_PROPENSITY
    return DONE if total < np.inf else NOT_FINITE


@compiled
def _fire(
    w: NDArray[np.float64],
    x: int,
    a: int,
    reactions: int,
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    lane: int,
) -> int:
    """Carry out the reaction chosen in a lane."""
    reaction = min(int(w[CHOICE * WIDTH + lane]), reactions - 1)
    while w[(a + reaction) * WIDTH + lane] == 0.0:  # the draw was rounded up to the sum itself
        reaction -= 1
    code = DONE
    for at in range(pointers[reaction], pointers[reaction + 1]):
        place = (x + species[at]) * WIDTH + lane
        amount = w[place] + changes[at]
        w[place] = amount
        if amount < 0.0:
            code = NEGATIVE_AMOUNT
    return code
