"""Gillespie's direct method in every lane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.elementary import rows
from bioxen.server.engines.kinetic.lanes.simd.operations import call, count_up, load, store
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.common import (
    draw,
    fire,
    fire_together,
    judge,
    repair,
    report,
    take,
)
from bioxen.server.engines.kinetic.lanes.ssa.layout import (
    ACTIVE,
    COUNTER,
    DONE,
    EVENTS,
    LOWEST,
    NEGATIVE_AMOUNT,
    NEXT,
    QUIET,
    START,
    TIME,
    TOO_MANY_EVENTS,
    TOTAL,
)

_TOGETHER = 200
"""Entries of the stoichiometry up to which all lanes' events are carried out together."""


@compiled
def direct(
    fluxes: int,
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    rows_of_states: NDArray[np.int32],
    reactions_of_states: NDArray[np.int32],
    changes_of_states: NDArray[np.float64],
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
    p = START + n
    a = p + parameters.shape[1]
    w = rows(a + 2 * reactions)
    member, point = np.full(WIDTH, -1), np.zeros(WIDTH, np.int64)
    together = len(changes) <= _TOGETHER
    waiting, free = 0, True
    while True:
        if free:
            for lane in range(WIDTH):
                if member[lane] < 0 and waiting < members:
                    take(
                        w, lane, states[waiting], parameters[waiting], start, times[0], first_member + waiting
                    )
                    member[lane], point[lane] = waiting, 0
                    waiting += 1
            if member.max() < 0:
                return
            free = False
        call(fluxes, w, TIME, START, p, a)
        if draw(w, a, reactions, seed, 1.0 * max_events):
            for lane in range(WIDTH):
                index = member[lane]
                if index < 0 or w[QUIET * WIDTH + lane] != 0.0:
                    continue
                code = judge(w[TOTAL * WIDTH + lane], w[LOWEST * WIDTH + lane])
                if code == DONE:
                    point[lane] = report(w, lane, w[NEXT * WIDTH + lane], times, point[lane], values, index)
                    if point[lane] < len(times) and w[EVENTS * WIDTH + lane] >= max_events:
                        code = TOO_MANY_EVENTS
                if code != DONE or point[lane] == len(times):
                    _close(w, lane, code, values[index, point[lane] :], status, events, index)
                    member[lane] = -1
                    free = True
                else:
                    repair(w, a, reactions, lane)
        broken = False
        if together:
            broken = fire_together(w, rows_of_states, reactions_of_states, changes_of_states)
        else:
            for lane in range(WIDTH):
                if member[lane] >= 0:
                    broken = fire(w, pointers, species, changes, lane) or broken
        store(w, TIME, load(w, NEXT))
        store(w, EVENTS, load(w, EVENTS) + 1.0)
        count_up(w, COUNTER)
        if broken:
            for lane in range(WIDTH):
                index = member[lane]
                lowest = 0.0
                for i in range(n):
                    lowest = min(lowest, w[(START + i) * WIDTH + lane])
                if index >= 0 and lowest < 0.0:
                    _close(w, lane, NEGATIVE_AMOUNT, values[index, point[lane] :], status, events, index)
                    member[lane] = -1
                    free = True


@compiled
def _close(
    w: NDArray[np.float64],
    lane: int,
    code: int,
    missing: NDArray[np.float64],
    status: NDArray[np.int8],
    events: NDArray[np.int64],
    index: int,
) -> None:
    """Let go of a member."""
    missing[:] = np.nan
    status[index] = code
    events[index] = int(w[EVENTS * WIDTH + lane])
    w[ACTIVE * WIDTH + lane] = 0.0
