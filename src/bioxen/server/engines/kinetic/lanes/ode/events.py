"""Events and discontinuities: found within a step, reached exactly, carried out.

A trigger is a truth the model gives for a time and a state: first those of its events, then each relation on
which its rates depend. A step after which one of them differs is cut at the first time where it does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.ode.layout import block, parameter_row, trigger_row
from bioxen.server.engines.kinetic.lanes.ode.sampling import sample
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.operations import call
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_INSIDE = (0.25, 0.5, 0.75, 1.0)
"""Shares of a step at which the triggers are looked at: one that rises and falls again must not be missed."""
_CASCADE = 100
"""Events that set off events at the same time, at most: more is a loop."""
_SETTLED = 1e-9
"""A discontinuity closer than this share to the start of a step is passed; a farther one ends the step first."""
_CLOSE = 1e-14
_TRIES = 6


@compiled
def differs(w: NDArray[np.float64], first: int, second: int, count: int, lane: int) -> bool:
    """Return whether two sets of triggers differ in a lane."""
    for i in range(count):  # noqa: SIM110 - numba compiles no generator expressions
        if w[(first + i) * WIDTH + lane] != w[(second + i) * WIDTH + lane]:
            return True
    return False


@compiled
def locate(
    triggers: int, w: NDArray[np.float64], n: int, m: int, count: int, member: NDArray[np.int64]
) -> bool:
    """Bracket the first change of a trigger within the accepted steps: HIGH is the first time after it.

    LOW is the last time before it. Lanes without a change have HIGH beyond every time. Returns whether a lane
    has one. Bisection goes on until no double lies between the two.
    """
    p, now = parameter_row(n), trigger_row(n, m)
    seen, state = now + count, block(n, layout.SAMPLE)
    for lane in range(WIDTH):
        w[layout.LOW * WIDTH + lane] = w[layout.TIME * WIDTH + lane]
        w[layout.HIGH * WIDTH + lane] = np.inf
    found = False
    for share in _INSIDE:
        for lane in range(WIDTH):
            time, end = w[layout.TIME * WIDTH + lane], w[layout.END * WIDTH + lane]
            w[layout.MOMENT * WIDTH + lane] = end if share == 1.0 else time + share * (end - time)
        sample(w, n)
        call(triggers, w, layout.MOMENT, state, p, seen)
        for lane in range(WIDTH):
            open_ended = w[layout.HIGH * WIDTH + lane] == np.inf
            if member[lane] >= 0 and w[layout.ACCEPTED * WIDTH + lane] != 0.0 and open_ended:
                moment = w[layout.MOMENT * WIDTH + lane]
                if differs(w, now, seen, count, lane):
                    w[layout.HIGH * WIDTH + lane] = moment
                    found = True
                else:
                    w[layout.LOW * WIDTH + lane] = moment
    going = found
    while going:
        going = False
        for lane in range(WIDTH):
            low, high = w[layout.LOW * WIDTH + lane], w[layout.HIGH * WIDTH + lane]
            middle = low + 0.5 * (high - low) if high < np.inf else low
            w[layout.MOMENT * WIDTH + lane] = middle
            going = going or (low < middle < high)
        if not going:
            break
        sample(w, n)
        call(triggers, w, layout.MOMENT, state, p, seen)
        for lane in range(WIDTH):
            middle = w[layout.MOMENT * WIDTH + lane]
            if w[layout.LOW * WIDTH + lane] < middle < w[layout.HIGH * WIDTH + lane]:
                changed = differs(w, now, seen, count, lane)
                w[(layout.HIGH if changed else layout.LOW) * WIDTH + lane] = middle
    return found


@compiled
def cut(
    triggers: int,
    w: NDArray[np.float64],
    n: int,
    m: int,
    events: int,
    count: int,
    tries: NDArray[np.int64],
) -> None:
    """End the steps at the change that `locate` found, or reject them so that they end just before it.

    A method's stages must not look across a discontinuity of the rates, so a step that meets one is tried
    again, up to the last time before it; then the discontinuity itself is passed by the shortest of steps.
    """
    p, now, new = parameter_row(n), trigger_row(n, m), block(n, layout.NEW)
    seen, state = now + count, block(n, layout.SAMPLE)
    for lane in range(WIDTH):
        high = w[layout.HIGH * WIDTH + lane]
        w[layout.MOMENT * WIDTH + lane] = high if high < np.inf else w[layout.TIME * WIDTH + lane]
    sample(w, n)
    call(triggers, w, layout.MOMENT, state, p, seen)
    for lane in range(WIDTH):
        if w[layout.HIGH * WIDTH + lane] == np.inf:
            continue
        before = w[layout.LOW * WIDTH + lane] - w[layout.TIME * WIDTH + lane]
        step = w[layout.STEP * WIDTH + lane]
        jump = differs(w, now + events, seen + events, count - events, lane)
        time = w[layout.TIME * WIDTH + lane]
        if jump and before > max(_SETTLED * step, _CLOSE * abs(time)) and tries[lane] < _TRIES:
            w[layout.ACCEPTED * WIDTH + lane] = 0.0
            w[layout.CUT * WIDTH + lane] = before / step
            tries[lane] += 1
        else:
            w[layout.END * WIDTH + lane] = w[layout.HIGH * WIDTH + lane]
            w[layout.FRESH * WIDTH + lane] = 1.0
            for i in range(n):
                w[(new + i) * WIDTH + lane] = w[(state + i) * WIDTH + lane]


@compiled
def happen(
    functions: NDArray[np.int64], w: NDArray[np.float64], n: int, m: int, events: int, count: int, failed: NDArray[np.int8]
) -> None:
    """Carry out the events of the fresh lanes whose triggers rose, and those that they set off in turn.

    Events of one moment all see the state before it. The triggers remembered become those of the new state.
    """
    y, p, now = block(n, layout.STATE), parameter_row(n), trigger_row(n, m)
    earlier, earlier_p = block(n, layout.EARLIER), parameter_row(n) + m
    assigned, seen, fired = earlier_p + m, now + count, now + 2 * count
    for _ in range(_CASCADE):
        call(functions[layout.FUNCTION_TRIGGERS], w, layout.TIME, y, p, seen)
        again = _compare(w, events, count, now, seen, fired)
        if not again:
            return
        w[earlier * WIDTH : (earlier + n) * WIDTH] = w[y * WIDTH : (y + n) * WIDTH]
        w[earlier_p * WIDTH : (earlier_p + m) * WIDTH] = w[p * WIDTH : (p + m) * WIDTH]
        for event in range(events):
            call(functions[layout.FUNCTION_ASSIGN + event], w, layout.TIME, earlier, earlier_p, assigned)
            for lane in range(WIDTH):
                if w[(fired + event) * WIDTH + lane] != 0.0:
                    _apply(w, n, lane, y, earlier, assigned)
                    _apply(w, m, lane, p, earlier_p, assigned + n)
    for lane in range(WIDTH):
        for event in range(events):
            if w[(fired + event) * WIDTH + lane] != 0.0:
                failed[lane] = 1


@compiled
def _compare(w: NDArray[np.float64], events: int, count: int, now: int, seen: int, fired: int) -> bool:
    """Note which events' triggers rose in the fresh lanes, and remember the triggers seen."""
    again = False
    for lane in range(WIDTH):
        fresh = w[layout.FRESH * WIDTH + lane] != 0.0
        for i in range(count):
            rose = fresh and w[(seen + i) * WIDTH + lane] != 0.0 and w[(now + i) * WIDTH + lane] == 0.0
            w[(fired + i) * WIDTH + lane] = 1.0 if rose else 0.0
            again = again or (rose and i < events)
            if fresh:
                w[(now + i) * WIDTH + lane] = w[(seen + i) * WIDTH + lane]
    return again


@compiled
def _apply(w: NDArray[np.float64], count: int, lane: int, target: int, before: int, after: int) -> None:
    """Write what an event changed."""
    for i in range(count):
        value = w[(after + i) * WIDTH + lane]
        if value != w[(before + i) * WIDTH + lane]:
            w[(target + i) * WIDTH + lane] = value
