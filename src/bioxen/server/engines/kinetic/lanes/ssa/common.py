"""What the exact and the leaping driver share: lanes take members, draw events, carry them out, write points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    store_whole,
)
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.layout import (
    ACTIVE,
    CHOICE,
    COUNTER,
    DONE,
    EVENTS,
    LOWEST,
    NEGATIVE_AMOUNT,
    NEGATIVE_PROPENSITY,
    NEXT,
    NOT_FINITE,
    POINT,
    RANDOM,
    START,
    STREAM,
    TIME,
    TOTAL,
)
from bioxen.server.engines.kinetic.lanes.ssa.philox import philox, uniform


@compiled
def take(
    w: NDArray[np.float64],
    lane: int,
    state: NDArray[np.float64],
    parameters: NDArray[np.float64],
    start: float,
    first: float,
    stream: int,
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
    number[STREAM * WIDTH + lane] = stream


@compiled
def draw(w: NDArray[np.float64], a: int, reactions: int, seed: np.uint64, most: float) -> bool:
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
    philox(w, COUNTER, STREAM, RANDOM, seed)
    store(w, TOTAL, total)
    store(w, LOWEST, lowest)
    later = load(w, TIME) - logarithm(uniform(w, RANDOM)) / total
    store(w, NEXT, later)
    threshold = uniform(w, RANDOM + 1) * total
    passed = broadcast(0.0)
    for j in range(reactions):
        passed = choose(load(w, a + reactions + j) <= threshold, passed + 1.0, passed)
    store_whole(w, CHOICE, passed)
    quiet = both(both(lowest >= 0.0, total < np.inf), both(later <= load(w, POINT), passed < 1.0 * reactions))
    quiet = both(quiet, load(w, EVENTS) < most)
    return anywhere(load(w, ACTIVE) > choose(quiet, broadcast(1.0), broadcast(0.0)))


@compiled
def judge(total: float, lowest: float) -> int:
    """Return what is wrong with the propensities, or `DONE`."""
    if lowest < 0.0:
        return NEGATIVE_PROPENSITY
    return DONE if total < np.inf else NOT_FINITE


@compiled
def report(
    w: NDArray[np.float64], lane: int, until: float, times: NDArray[np.float64], point: int, values: NDArray[np.float64]
) -> int:
    """Write the points of the output before `until` into a member's [points][states]; return how many there are."""
    n = values.shape[1]
    while point < len(times) and times[point] < until:
        for i in range(n):
            values[point, i] = w[(START + i) * WIDTH + lane]
        point += 1
    w[POINT * WIDTH + lane] = times[point] if point < len(times) else np.inf
    return point


@compiled
def repair(w: NDArray[np.float64], a: int, reactions: int, lane: int) -> None:
    """Choose the last possible reaction where the draw was rounded up to the sum of all propensities."""
    number = w.view(np.int64)
    choice = min(number[CHOICE * WIDTH + lane], reactions - 1)
    while choice > 0 and w[(a + choice) * WIDTH + lane] == 0.0:
        choice -= 1
    number[CHOICE * WIDTH + lane] = choice


@inlined
def fire(
    w: NDArray[np.float64],
    number: NDArray[np.int64],
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    lane: int,
) -> int:
    """Carry out the reaction chosen in a lane."""
    reaction = number[CHOICE * WIDTH + lane]
    code = DONE
    for at in range(pointers[reaction], pointers[reaction + 1]):
        place = (START + species[at]) * WIDTH + lane
        amount = w[place] + changes[at]
        w[place] = amount
        if amount < 0.0:
            code = NEGATIVE_AMOUNT
    return code
