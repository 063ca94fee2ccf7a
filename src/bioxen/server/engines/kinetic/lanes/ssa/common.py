"""What the exact and the leaping driver share: lanes take members, draw events, carry them out, report."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.random.philox import philox, uniform
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled, inlined
from bioxen.server.engines.kinetic.lanes.simd.elementary import logarithm
from bioxen.server.engines.kinetic.lanes.simd.operations import (
    anywhere,
    both,
    broadcast,
    choose,
    load,
    smaller,
    store,
)
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.layout import (
    ACTIVE,
    CHOICE,
    COUNTER,
    DONE,
    EVENTS,
    LOWEST,
    NEGATIVE_PROPENSITY,
    NEXT,
    NOT_FINITE,
    POINT,
    QUIET,
    RANDOM,
    SEED,
    START,
    STREAM,
    TIME,
    TOTAL,
)


@compiled
def refill(
    w: NDArray[np.float64],
    member: NDArray[np.int64],
    point: NDArray[np.int64],
    waiting: int,
    states: NDArray[np.float64],
    parameters: NDArray[np.float64],
    start: float,
    first: float,
    streams: NDArray[np.uint64],
) -> int:
    """Put the next members into free lanes; return the next one that waits."""
    for lane in range(WIDTH):
        if member[lane] < 0 and waiting < len(states):
            _take(w, lane, states[waiting], parameters[waiting], start, first, streams[waiting])
            member[lane], point[lane] = waiting, 0
            waiting += 1
    return waiting


@compiled
def close(
    w: NDArray[np.float64],
    lane: int,
    code: int,
    member: NDArray[np.int64],
    point: NDArray[np.int64],
    values: NDArray[np.float64],
    status: NDArray[np.int8],
    events: NDArray[np.int64],
) -> None:
    """Let go of a member; the points of the output that it has not reached are NaN."""
    for at in range(point[lane], values.shape[1]):
        for i in range(values.shape[2]):
            values[member[lane], at, i] = np.nan
    status[member[lane]] = code
    events[member[lane]] = int(w[EVENTS * WIDTH + lane])
    w[ACTIVE * WIDTH + lane] = 0.0
    member[lane] = -1


@compiled
def _take(
    w: NDArray[np.float64],
    lane: int,
    state: NDArray[np.float64],
    parameters: NDArray[np.float64],
    start: float,
    first: float,
    stream: NDArray[np.uint64],
) -> None:
    """Put a member into a lane."""
    number = w.view(np.int64)
    n = len(state)
    for i in range(n):
        w[(START + i) * WIDTH + lane] = state[i]
    for i in range(len(parameters)):
        w[(START + n + i) * WIDTH + lane] = parameters[i]
    w[TIME * WIDTH + lane] = start
    w[POINT * WIDTH + lane] = first
    w[ACTIVE * WIDTH + lane] = 1.0
    w[EVENTS * WIDTH + lane] = 0.0
    number[COUNTER * WIDTH + lane] = 0
    number[SEED * WIDTH + lane] = stream[0]
    number[STREAM * WIDTH + lane] = stream[1]


@compiled
def draw(w: NDArray[np.float64], a: int, reactions: int, most: float) -> bool:
    """Draw the time of each lane's next event and the reaction.

    Returns whether a lane wants attention: a point of the output comes first, the propensities are no
    propensities, the choice was rounded past the last reaction, or `most` events have been.
    """
    total, lowest = broadcast(0.0), broadcast(0.0)
    for j in range(reactions):
        propensity = load(w, a + j)
        lowest = smaller(propensity, lowest)
        total = total + propensity
        store(w, a + reactions + j, total)
    philox(w, COUNTER, RANDOM)
    store(w, TOTAL, total)
    store(w, LOWEST, lowest)
    later = load(w, TIME) - logarithm(uniform(w, RANDOM)) / total
    store(w, NEXT, later)
    threshold = uniform(w, RANDOM + 1) * total
    passed = broadcast(0.0)
    for j in range(reactions):
        passed = choose(load(w, a + reactions + j) <= threshold, passed + 1.0, passed)
    store(w, CHOICE, passed)
    quiet = both(both(lowest >= 0.0, total < np.inf), both(later <= load(w, POINT), passed < 1.0 * reactions))
    quiet = both(quiet, load(w, EVENTS) < most)
    store(w, QUIET, choose(quiet, broadcast(1.0), broadcast(0.0)))
    return anywhere(load(w, ACTIVE) > load(w, QUIET))


@compiled
def judge(total: float, lowest: float) -> int:
    """Return what is wrong with the propensities, or `DONE`."""
    if lowest < 0.0:
        return NEGATIVE_PROPENSITY
    return DONE if total < np.inf else NOT_FINITE


@compiled
def report(
    w: NDArray[np.float64],
    lane: int,
    until: float,
    times: NDArray[np.float64],
    point: int,
    values: NDArray[np.float64],
    index: int,
) -> int:
    """Write a member's points of the output before `until`; return how many it has now."""
    while point < len(times) and times[point] < until:
        for i in range(values.shape[2]):
            values[index, point, i] = w[(START + i) * WIDTH + lane]
        point += 1
    w[POINT * WIDTH + lane] = times[point] if point < len(times) else np.inf
    return point


@compiled
def repair(w: NDArray[np.float64], a: int, reactions: int, lane: int) -> None:
    """Choose the last possible reaction where the draw was rounded up to the sum of all propensities."""
    choice = min(int(w[CHOICE * WIDTH + lane]), reactions - 1)
    while choice > 0 and w[(a + choice) * WIDTH + lane] == 0.0:
        choice -= 1
    w[CHOICE * WIDTH + lane] = choice


@compiled
def fire(
    w: NDArray[np.float64],
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    lane: int,
) -> bool:
    """Carry out the reaction chosen in a lane; return whether an amount turned negative."""
    reaction = int(w[CHOICE * WIDTH + lane])
    negative = False
    if reaction < 0:
        return False
    for at in range(pointers[reaction], pointers[reaction + 1]):
        place = (START + species[at]) * WIDTH + lane
        w[place] += changes[at]
        negative = negative or w[place] < 0.0
    return negative


@inlined
def fire_together(
    w: NDArray[np.float64],
    pointers: NDArray[np.int32],
    reactions: NDArray[np.int32],
    changes: NDArray[np.float64],
) -> bool:
    """Carry out the reactions chosen in all lanes, state by state; return whether an amount turned negative.

    Narrow writes followed by wide reads stall a processor, so this beats `fire` while the network is small.
    """
    choice, lowest = load(w, CHOICE), broadcast(0.0)
    for i in range(len(pointers) - 1):
        if pointers[i] == pointers[i + 1]:
            continue
        amount = load(w, START + i)
        for at in range(pointers[i], pointers[i + 1]):
            amount = amount + choose(choice == 1.0 * reactions[at], broadcast(changes[at]), broadcast(0.0))
        store(w, START + i, amount)
        lowest = smaller(amount, lowest)
    return anywhere(load(w, ACTIVE) > choose(lowest < 0.0, broadcast(0.0), broadcast(1.0)))
