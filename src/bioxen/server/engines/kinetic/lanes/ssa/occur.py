"""Events of a network are triggered, wait, and are carried out, as SBML wants it, in one lane at a time.

They are rare beside firings, so each function is called for all lanes and read for one.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.operations import call
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.given import (
    ARGUMENTS_OF_DELAY,
    ARGUMENTS_OF_VALUES,
    AT_ARGUMENTS,
    AT_DRAWS,
    AT_SEEN,
    AT_TIMING,
    AT_TRIGGERS,
    AT_VALUES,
    EACH,
    TIMING,
    TRIGGERS,
    VALUES,
    Occasions,
)
from bioxen.server.engines.kinetic.lanes.ssa.layout import (
    BAD_DELAY,
    BROKEN,
    CROWDED,
    DONE,
    ENDLESS,
    NEGATIVE_AMOUNT,
    NOT_FINITE,
    START,
    TIME,
    UNDRAWN,
)
from bioxen.server.engines.kinetic.lanes.ssa.room import Room, cancel, leave
from bioxen.server.engines.kinetic.lanes.ssa.sample import sample
from bioxen.server.engines.kinetic.lanes.ssa.scalar import uniforms

_CASCADE = 1000
"""Events at one moment, at most: more set each other off for ever."""
_WHOLE = 1e-9
"""How far a number of molecules may be from a whole one, relative to itself."""


@compiled
def waiting_room(occasions: Occasions) -> Room:
    """Return an empty room."""
    most = 0
    for event in range(occasions.events):
        most = max(most, occasions.pointers[event + 1] - occasions.pointers[event])
    places = occasions.room
    return Room(
        np.zeros(WIDTH, np.int64),
        np.zeros((WIDTH, places)),
        np.zeros((WIDTH, places), np.int64),
        np.zeros((WIDTH, places, most)),
    )


@compiled
def begin(
    occasions: Occasions,
    w: NDArray[np.float64],
    room: Room,
    member: NDArray[np.int64],
    first: int,
    fresh: NDArray[np.bool_],
) -> None:
    """Prepare the lanes that have members from `first` on."""
    now = occasions.rows[AT_TRIGGERS]
    for lane in range(WIDTH):
        if member[lane] >= first:
            fresh[lane] = True
            room.length[lane] = 0
            for event in range(occasions.events):
                w[(now + event) * WIDTH + lane] = 1.0 if occasions.initially[event] else 0.0


@compiled
def risen(
    occasions: Occasions, w: NDArray[np.float64], p: int, member: NDArray[np.int64], fresh: NDArray[np.bool_]
) -> bool:
    """Mark the lanes in which a trigger is not what it was; return whether there is one."""
    now, seen = occasions.rows[AT_TRIGGERS], occasions.rows[AT_SEEN]
    call(occasions.functions[TRIGGERS], w, TIME, START, p, seen)
    found = False
    for lane in range(WIDTH):
        if member[lane] >= 0:
            for event in range(occasions.events):
                if w[(now + event) * WIDTH + lane] != w[(seen + event) * WIDTH + lane]:
                    fresh[lane] = found = True
    return found


@compiled
def occur(occasions: Occasions, w: NDArray[np.float64], lane: int, p: int, room: Room) -> int:
    """Carry out what is due in a lane, and what that sets off; return what is wrong, or `DONE`."""
    for _ in range(_CASCADE):
        code = _look(occasions, w, lane, p, room)
        if code != DONE:
            return code
        place = _choose(occasions, w, lane, p, room)
        if place < 0:
            return DONE
        code = _carry_out(occasions, w, lane, p, room, place)
        if code != DONE:
            return code
    return ENDLESS


@compiled
def _look(occasions: Occasions, w: NDArray[np.float64], lane: int, p: int, room: Room) -> int:
    """Let the events wait whose triggers rose, and drop those that are not persistent and whose fell."""
    now, seen, timing = occasions.rows[AT_TRIGGERS], occasions.rows[AT_SEEN], occasions.rows[AT_TIMING]
    if occasions.events == 0:
        return DONE
    call(occasions.functions[TRIGGERS], w, TIME, START, p, seen)
    code = DONE
    for event in range(occasions.events):
        was = w[(now + event) * WIDTH + lane] != 0.0
        holds = w[(seen + event) * WIDTH + lane] != 0.0
        w[(now + event) * WIDTH + lane] = 1.0 if holds else 0.0
        if was and not holds and not occasions.persistent[event]:
            cancel(room, lane, event)
        if was or not holds or code != DONE:
            continue
        place = room.length[lane]
        if place == room.due.shape[1]:
            return CROWDED
        function, first = EACH + 3 * event + ARGUMENTS_OF_DELAY, occasions.delay_draws[event]
        code = _draw(occasions, w, lane, p, function, first, occasions.draws[event + 1])
        call(occasions.functions[TIMING], w, TIME, START, p, timing)
        wait = w[(timing + event) * WIDTH + lane]
        if code == DONE and not 0.0 <= wait < np.inf:
            code = BAD_DELAY
        room.due[lane, place] = w[TIME * WIDTH + lane] + wait
        room.event[lane, place] = event
        if occasions.keeps[event] and code == DONE:
            code = _evaluate(occasions, w, lane, p, event, room, place)
        room.length[lane] += 1
    return code


@compiled
def _choose(occasions: Occasions, w: NDArray[np.float64], lane: int, p: int, room: Room) -> int:
    """Return the place of what is carried out next, or -1: the highest priority, drawn where several have it.

    Those without a priority come last, in the order of the model.
    """
    time, ranks = w[TIME * WIDTH + lane], occasions.rows[AT_TIMING] + occasions.events
    best, found, equal, first = -np.inf, -1, 0, True
    for place in range(room.length[lane]):
        if room.due[lane, place] > time:
            continue
        event = room.event[lane, place]
        if not occasions.ranked[event]:
            if equal == 0 and (found < 0 or event < room.event[lane, found]):
                found = place
            continue
        if first:
            call(occasions.functions[TIMING], w, TIME, START, p, occasions.rows[AT_TIMING])
            first = False
        rank = w[(ranks + event) * WIDTH + lane]
        if equal == 0 or rank > best:
            best, found, equal = rank, place, 1
        elif rank == best:
            equal += 1
            if uniforms(w.view(np.int64), lane)[0] * equal < 1.0:
                found = place
    return found


@compiled
def _carry_out(
    occasions: Occasions, w: NDArray[np.float64], lane: int, p: int, room: Room, place: int
) -> int:
    event, states = room.event[lane, place], len(occasions.whole)
    code = DONE
    if not occasions.keeps[event]:
        code = _evaluate(occasions, w, lane, p, event, room, place)
    begins = occasions.pointers[event]
    for at in range(begins, occasions.pointers[event + 1]):
        target, value = occasions.targets[at], room.values[lane, place, at - begins]
        row = START + target if target < states else p + target - states
        if code == DONE and target < states and occasions.whole[target]:
            value, code = _molecules(value)
        w[row * WIDTH + lane] = value
    leave(room, lane, place)
    return code


@compiled
def _molecules(value: float) -> tuple[float, int]:
    """Return a number of molecules, and what is wrong with it."""
    if value < 0.0:
        return value, NEGATIVE_AMOUNT
    near = np.round(value)
    return near, DONE if abs(value - near) <= _WHOLE * max(1.0, value) else BROKEN


@compiled
def _evaluate(
    occasions: Occasions,
    w: NDArray[np.float64],
    lane: int,
    p: int,
    event: int,
    room: Room,
    place: int,
) -> int:
    """Compute what an event assigns now."""
    function = EACH + 3 * event + ARGUMENTS_OF_VALUES
    code = _draw(occasions, w, lane, p, function, occasions.draws[event], occasions.delay_draws[event])
    size = occasions.pointers[event + 1] - occasions.pointers[event]
    if size and code == DONE:
        out = occasions.rows[AT_VALUES]
        call(occasions.functions[EACH + 3 * event + VALUES], w, TIME, START, p, out)
        for at in range(size):
            room.values[lane, place, at] = w[(out + at) * WIDTH + lane]
            if not math.isfinite(room.values[lane, place, at]):
                code = NOT_FINITE
    return code


@compiled
def _draw(
    occasions: Occasions,
    w: NDArray[np.float64],
    lane: int,
    p: int,
    function: int,
    first: int,
    last: int,
) -> int:
    """Make some draws, one after the other, since one may take another's for an argument."""
    for at in range(first, last):
        row = occasions.rows[AT_ARGUMENTS]
        call(occasions.functions[function], w, TIME, START, p, row)
        row += 4 * (at - first)
        drawn = sample(
            w.view(np.int64),
            lane,
            occasions.codes[at],
            w[row * WIDTH + lane],
            w[(row + 1) * WIDTH + lane],
            w[(row + 2) * WIDTH + lane],
            w[(row + 3) * WIDTH + lane],
        )
        if math.isnan(drawn):
            return UNDRAWN
        w[(occasions.rows[AT_DRAWS] + at) * WIDTH + lane] = drawn
    return DONE
