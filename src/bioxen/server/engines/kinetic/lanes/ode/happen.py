"""Events are carried out: in order, with what they set off, before the integration goes on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.ode.layout import (
    block,
    parameter_row,
    pending_row,
    queue_row,
    trigger_row,
)
from bioxen.server.engines.kinetic.lanes.ode.queue import (
    SLOTS,
    TOO_MANY,
    cancel,
    enter,
    foresee,
    is_ready,
    leave,
)
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.operations import call
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_CASCADE = 1000
"""Events at one moment, at most: more set each other off for ever."""


@lean
def happen(
    functions: NDArray[np.int64],
    w: NDArray[np.float64],
    n: int,
    m: int,
    count: int,
    keeps: NDArray[np.bool_],
    persists: NDArray[np.bool_],
    delayed: NDArray[np.bool_],
    pointers: NDArray[np.int32],
    targets: NDArray[np.int32],
    failed: NDArray[np.int8],
) -> None:
    """Carry out the events of the fresh lanes whose triggers rose, and those that they set off in turn.

    Events of one moment run in the program's order, each on the state the last one left; one that keeps the
    values of its trigger's time assigns what it computed then. The triggers remembered become those of the
    new state.
    """
    events = len(keeps)
    y, p, pending = block(n, layout.STATE), parameter_row(n), pending_row(n, m, count)
    assigned, kept = parameter_row(n) + m, pending + events
    queue, later = queue_row(n, m, count, events, len(targets)), delayed.any()
    w[pending * WIDTH : (pending + events) * WIDTH] = 0.0
    _look(functions, w, n, m, count, keeps, persists, delayed, pointers, targets, failed)
    turn = 0
    while turn < _CASCADE:
        event = _next(w, pending, events)
        if event == events:
            break
        if not keeps[event]:
            call(functions[layout.FUNCTION_ASSIGN + event], w, layout.TIME, y, p, assigned)
        for lane in range(WIDTH):
            if _first(w, pending, events, lane) != event:
                continue
            w[(pending + event) * WIDTH + lane] = 0.0
            if delayed[event]:
                leave(w, queue, events, event, lane, pointers[event], pointers[event + 1], kept)
            for at in range(pointers[event], pointers[event + 1]):
                row = y + targets[at] if targets[at] < n else p + targets[at] - n
                source = kept + at if keeps[event] else assigned + targets[at]
                w[row * WIDTH + lane] = w[source * WIDTH + lane]
        _look(functions, w, n, m, count, keeps, persists, delayed, pointers, targets, failed)
        turn += 1
    for lane in range(WIDTH):
        if _first(w, pending, events, lane) < events:
            failed[lane] = TOO_MANY
        if later and w[layout.FRESH * WIDTH + lane] != 0.0:
            foresee(w, queue, events, lane)


@lean
def _first(w: NDArray[np.float64], pending: int, events: int, lane: int) -> int:
    """Return the first event that waits in a lane, or the number of events."""
    for event in range(events):
        if w[(pending + event) * WIDTH + lane] != 0.0:
            return event
    return events


@lean
def _next(w: NDArray[np.float64], pending: int, events: int) -> int:
    """Return the first event that is the first of a lane, or the number of events."""
    found = events
    for lane in range(WIDTH):
        found = min(found, _first(w, pending, events, lane))
    return found


@lean
def _look(
    functions: NDArray[np.int64],
    w: NDArray[np.float64],
    n: int,
    m: int,
    count: int,
    keeps: NDArray[np.bool_],
    persists: NDArray[np.bool_],
    delayed: NDArray[np.bool_],
    pointers: NDArray[np.int32],
    targets: NDArray[np.int32],
    failed: NDArray[np.int8],
) -> None:
    """Remember the triggers of the fresh lanes; those that rose make their events wait, with their values.

    An event that is not persistent waits no more once its trigger is false. One with a delay stands in the
    queue, and is pending when its time has come.
    """
    events = len(keeps)
    y, p, now = block(n, layout.STATE), parameter_row(n), trigger_row(n, m)
    seen, pending, assigned = now + count, pending_row(n, m, count), parameter_row(n) + m
    queue, kept = queue_row(n, m, count, events, len(targets)), pending + events
    call(functions[layout.FUNCTION_TRIGGERS], w, layout.TIME, y, p, seen)
    for event in range(events):
        computed = False
        for lane in range(WIDTH):
            if w[layout.FRESH * WIDTH + lane] == 0.0:
                continue
            holds = w[(seen + event) * WIDTH + lane] != 0.0
            if not holds and not persists[event]:
                w[(pending + event) * WIDTH + lane] = 0.0
                if delayed[event]:
                    cancel(w, queue, event, lane)
            if not holds or w[(now + event) * WIDTH + lane] != 0.0:
                continue
            if keeps[event] and not computed:
                call(functions[layout.FUNCTION_ASSIGN + event], w, layout.TIME, y, p, assigned)
                computed = True
            if not delayed[event]:
                w[(pending + event) * WIDTH + lane] = 1.0
            for at in range(pointers[event], pointers[event + 1]):
                w[(kept + at) * WIDTH + lane] = w[(assigned + targets[at]) * WIDTH + lane]
        if delayed[event]:
            _delay(functions, w, n, m, count, event, events, pointers, targets, failed)
    for lane in range(WIDTH):
        if w[layout.FRESH * WIDTH + lane] != 0.0:
            for i in range(count):
                w[(now + i) * WIDTH + lane] = w[(seen + i) * WIDTH + lane]


@lean
def _delay(
    functions: NDArray[np.int64],
    w: NDArray[np.float64],
    n: int,
    m: int,
    count: int,
    event: int,
    events: int,
    pointers: NDArray[np.int32],
    targets: NDArray[np.int32],
    failed: NDArray[np.int8],
) -> None:
    """Enter an event in the queue of the fresh lanes where its trigger rose; mark those where it is due."""
    y, p, now, pending = block(n, layout.STATE), parameter_row(n), trigger_row(n, m), pending_row(n, m, count)
    queue = queue_row(n, m, count, events, len(targets))
    delays = queue + (events + len(targets)) * SLOTS
    computed = False
    for lane in range(WIDTH):
        if w[layout.FRESH * WIDTH + lane] == 0.0:
            continue
        rose = w[(now + count + event) * WIDTH + lane] != 0.0 and w[(now + event) * WIDTH + lane] == 0.0
        if rose and not computed:
            call(functions[layout.FUNCTION_DELAYS], w, layout.TIME, y, p, delays)
            computed = True
        if rose:
            delay = w[(delays + event) * WIDTH + lane]
            first, after = pointers[event], pointers[event + 1]
            status = enter(w, queue, events, event, lane, delay, first, after, pending + events)
            failed[lane] = max(failed[lane], status)
        w[(pending + event) * WIDTH + lane] = 1.0 if is_ready(w, queue, event, lane) else 0.0
