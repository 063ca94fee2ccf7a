"""Gillespie's direct method in every lane, with events at exact times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.occur import occur
from bioxen.server.engines.kinetic.lanes.events.room import waiting_room
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.elementary import rows
from bioxen.server.engines.kinetic.lanes.simd.operations import call, count_up, load, store
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.clocks import advance, clocks_between, foresee
from bioxen.server.engines.kinetic.lanes.ssa.common import (
    close,
    draw,
    fire,
    fire_together,
    judge,
    refill,
    repair,
    report,
)
from bioxen.server.engines.kinetic.lanes.ssa.given import (
    AT_CLOCKS,
    AT_PROPENSITIES,
    CLOCKS,
    Occasions,
    Reactions,
)
from bioxen.server.engines.kinetic.lanes.ssa.happen import begin, risen
from bioxen.server.engines.kinetic.lanes.ssa.layout import (
    CHOICE,
    COUNTER,
    DONE,
    EVENTS,
    LOWEST,
    NEGATIVE_AMOUNT,
    NEXT,
    NONE,
    POINT,
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
    reactions: Reactions,
    occasions: Occasions,
    states: NDArray[np.float64],
    parameters: NDArray[np.float64],
    start: float,
    times: NDArray[np.float64],
    streams: NDArray[np.uint64],
    max_events: int,
    values: NDArray[np.float64],
    status: NDArray[np.int8],
    events: NDArray[np.int64],
) -> None:
    """Simulate every member; see `stochastic`."""
    p, a, drift = START + states.shape[1], occasions.rows[AT_PROPENSITIES], occasions.rows[AT_CLOCKS]
    w = rows(occasions.rows[-1])
    member, point = np.full(WIDTH, -1), np.zeros(WIDTH, np.int64)
    fresh, until, nudge = np.zeros(WIDTH, np.bool_), np.full(WIDTH, np.inf), np.zeros(WIDTH)
    room = waiting_room(occasions.events)
    eventful = occasions.events.size > 0 or occasions.crossings > 0
    together = len(reactions.changes) <= _TOGETHER
    waiting, free, stirred = 0, True, False
    while True:
        if free:
            before = waiting
            waiting = refill(w, member, point, waiting, states, parameters, start, times[0], streams)
            if member.max() < 0:
                return
            free = False
            if eventful and waiting > before:
                stirred = True
                begin(occasions, w, room, member, before, fresh)
        if stirred:
            for lane in range(WIDTH):
                room.going[lane] = fresh[lane] and member[lane] >= 0
            occur(occasions.events, w, room)
            for lane in range(WIDTH):
                if room.code[lane] != DONE:
                    close(w, lane, room.code[lane], member, point, values, status, events)
                    free = True
        if stirred or (eventful and occasions.restless):
            foresee(occasions, w, p, member, point, times, room, fresh, until, nudge)
            stirred = False
        if free:
            continue
        call(fluxes, w, TIME, START, p, a)
        if len(occasions.clocks):
            call(occasions.functions[CLOCKS], w, TIME, START, p, drift)
        if draw(w, a, reactions.size, 1.0 * max_events):
            for lane in range(WIDTH):
                index = member[lane]
                if index < 0 or w[QUIET * WIDTH + lane] != 0.0:
                    continue
                code = judge(w[TOTAL * WIDTH + lane], w[LOWEST * WIDTH + lane])
                halts = eventful and until[lane] < w[NEXT * WIDTH + lane]
                if code == DONE:
                    if halts:
                        w[NEXT * WIDTH + lane] = until[lane]
                    shown = point[lane]
                    point[lane] = report(w, lane, w[NEXT * WIDTH + lane], times, shown, values, index)
                    clocks_between(occasions, w, lane, times, shown, point[lane], values, index)
                    w[POINT * WIDTH + lane] = min(w[POINT * WIDTH + lane], until[lane])
                    if point[lane] < len(times) and w[EVENTS * WIDTH + lane] >= max_events:
                        code = TOO_MANY_EVENTS
                if code != DONE or point[lane] == len(times):
                    close(w, lane, code, member, point, values, status, events)
                    free = True
                elif halts:
                    w[CHOICE * WIDTH + lane] = NONE
                    fresh[lane] = stirred = True
                else:
                    repair(w, a, reactions.size, lane)
        broken = False
        if together:
            broken = fire_together(w, reactions.of_states, reactions.reactions, reactions.changes_of_states)
        else:
            for lane in range(WIDTH):
                if member[lane] >= 0:
                    broken = fire(w, reactions.pointers, reactions.species, reactions.changes, lane) or broken
        advance(occasions, w)
        store(w, TIME, load(w, NEXT))
        store(w, EVENTS, load(w, EVENTS) + 1.0)
        count_up(w, COUNTER)
        if broken:
            for lane in range(WIDTH):
                if member[lane] >= 0 and _below_zero(w, lane, occasions):
                    close(w, lane, NEGATIVE_AMOUNT, member, point, values, status, events)
                    free = True
        if occasions.watch and risen(occasions, w, member, fresh):
            stirred = True


@compiled
def _below_zero(w: NDArray[np.float64], lane: int, occasions: Occasions) -> bool:
    whole = occasions.events.whole
    for i in range(len(whole)):  # noqa: SIM110 - numba compiles no generator expressions
        if whole[i] and w[(START + i) * WIDTH + lane] < 0.0:
            return True
    return False
