"""Events are triggered, wait, and are carried out with what that sets off: one a lane in each turn.

They are rare beside steps and firings, so values are computed in all lanes and read for one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.given import (
    ARGUMENTS_OF_DELAY,
    AT_PARAMETERS,
    AT_SEEN,
    AT_STATES,
    AT_TIME,
    AT_TIMING,
    AT_TRIGGERS,
    EACH,
    TIMING,
    TRIGGERS,
    Events,
)
from bioxen.server.engines.kinetic.lanes.events.room import Room, cancel, leave
from bioxen.server.engines.kinetic.lanes.events.status import BAD_DELAY, CROWDED, DONE, ENDLESS
from bioxen.server.engines.kinetic.lanes.events.values import compute, draw, evaluate, molecules
from bioxen.server.engines.kinetic.lanes.random.scalar import uniforms
from bioxen.server.engines.kinetic.lanes.simd.compiled import inlined, lean
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_CASCADE = 1000
"""Events at one moment, at most: more set each other off for ever."""


@lean
def arrive(events: Events, w: NDArray[np.float64], lane: int, room: Room) -> None:
    """Prepare a lane for a member: nothing waits, and triggers are what they count as before the start."""
    room.length[lane] = 0
    for i in range(events.roots):
        w[(events.rows[AT_TRIGGERS] + i) * WIDTH + lane] = 1.0 if events.initially[i] else 0.0


@lean
def occur(events: Events, w: NDArray[np.float64], room: Room) -> None:
    """Carry out what is due in the lanes that are going, and what that sets off, until none is going.

    The triggers remembered become those of the state that is left; `room.code` says what went wrong.
    """
    for lane in range(WIDTH):
        room.code[lane] = DONE
    for _ in range(_CASCADE):
        if not room.going.any():
            return
        if events.roots:
            compute(events, w, TRIGGERS, events.rows[AT_SEEN])
        for lane in range(WIDTH):
            if room.going[lane]:
                room.going[lane] = _turn(events, w, lane, room)
    for lane in range(WIDTH):
        if room.going[lane]:
            room.going[lane], room.code[lane] = False, ENDLESS


@inlined
def _turn(events: Events, w: NDArray[np.float64], lane: int, room: Room) -> bool:
    """Carry out one event, if one is due and nothing is wrong; return whether there was one."""
    code, place = _look(events, w, lane, room), -1
    if code == DONE:
        place = _choose(events, w, lane, room)
    if place >= 0:
        code = _carry_out(events, w, lane, room, place)
    room.code[lane] = code
    return place >= 0 and code == DONE


@inlined
def _look(events: Events, w: NDArray[np.float64], lane: int, room: Room) -> int:
    """Let the events wait whose triggers rose, and drop those that are not persistent and whose fell."""
    now, seen = events.rows[AT_TRIGGERS], events.rows[AT_SEEN]
    code = DONE
    for event in range(events.size):
        was = w[(now + event) * WIDTH + lane] != 0.0
        holds = w[(seen + event) * WIDTH + lane] != 0.0
        if was and not holds and not events.persistent[event]:
            cancel(room, lane, event)
        if holds and not was and code == DONE:
            code = _enter(events, w, lane, room, event)
    for i in range(events.roots):
        w[(now + i) * WIDTH + lane] = w[(seen + i) * WIDTH + lane]
    return code


@inlined
def _enter(events: Events, w: NDArray[np.float64], lane: int, room: Room, event: int) -> int:
    """Let an event wait whose trigger rose."""
    place = room.length[lane]
    if place == room.due.shape[1]:
        return CROWDED
    wait, code = 0.0, DONE
    if events.functions[TIMING]:
        function, first = EACH + 3 * event + ARGUMENTS_OF_DELAY, events.delay_draws[event]
        code = draw(events, w, lane, function, first, events.draws[event + 1])
        compute(events, w, TIMING, events.rows[AT_TIMING])
        wait = w[(events.rows[AT_TIMING] + event) * WIDTH + lane]
    if code == DONE and not 0.0 <= wait < np.inf:
        code = BAD_DELAY
    room.due[lane, place] = w[events.rows[AT_TIME] * WIDTH + lane] + wait
    room.event[lane, place] = event
    if events.keeps[event] and code == DONE:
        code = evaluate(events, w, lane, event, room, place)
    room.length[lane] += 1
    return code


@inlined
def _choose(events: Events, w: NDArray[np.float64], lane: int, room: Room) -> int:
    """Return the place of what is carried out next, or -1: the highest priority, drawn where several have it.

    Those without a priority come last, in the order of the model.
    """
    time, ranks = w[events.rows[AT_TIME] * WIDTH + lane], events.rows[AT_TIMING] + events.size
    best, found, equal, first = -np.inf, -1, 0, True
    for place in range(room.length[lane]):
        if room.due[lane, place] > time:
            continue
        event = room.event[lane, place]
        if not events.ranked[event]:
            if equal == 0 and (found < 0 or event < room.event[lane, found]):
                found = place
            continue
        if first:
            compute(events, w, TIMING, events.rows[AT_TIMING])
            first = False
        rank = w[(ranks + event) * WIDTH + lane]
        if equal == 0 or rank > best:
            best, found, equal = rank, place, 1
        elif rank == best:
            equal += 1
            if uniforms(w.view(np.int64), lane)[0] * equal < 1.0:
                found = place
    return found


@inlined
def _carry_out(events: Events, w: NDArray[np.float64], lane: int, room: Room, place: int) -> int:
    event, states = room.event[lane, place], len(events.whole)
    code = DONE
    if not events.keeps[event]:
        code = evaluate(events, w, lane, event, room, place)
    begins = events.pointers[event]
    for at in range(begins, events.pointers[event + 1]):
        target, value = events.targets[at], room.values[lane, place, at - begins]
        if target >= states:
            row = events.rows[AT_PARAMETERS] + target - states
        else:
            row = events.rows[AT_STATES] + target
            if code == DONE and events.whole[target]:
                value, code = molecules(value)
        w[row * WIDTH + lane] = value
    leave(room, lane, place)
    return code
