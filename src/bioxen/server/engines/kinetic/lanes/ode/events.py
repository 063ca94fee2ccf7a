"""Triggers that change within a step: the first change is found, and the step ends there.

A trigger is a truth the model gives for a time and a state: first those of its events, then each relation on
which its rates depend. A step after which one of them differs is cut at the first time where it does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.ode.layout import block, parameter_row, trigger_row
from bioxen.server.engines.kinetic.lanes.ode.sampling import sample
from bioxen.server.engines.kinetic.lanes.simd.compiled import inlined, lean
from bioxen.server.engines.kinetic.lanes.simd.operations import (
    anywhere,
    both,
    broadcast,
    call,
    choose,
    either,
    load,
    store,
)
from bioxen.server.engines.kinetic.lanes.simd.vector import Vector
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_INSIDE = (0.25, 0.5, 0.75, 1.0)
"""Shares of a step at which the triggers are looked at: one that rises and falls again must not be missed."""
_SETTLED = 1e-9
"""A discontinuity closer than this share of a step to its start is passed; a farther one ends it first."""
_CLOSE = 1e-14
_TRIES = 6


@lean
def differs(w: NDArray[np.float64], first: int, second: int, count: int, lane: int) -> bool:
    """Return whether two sets of triggers differ in a lane."""
    for i in range(count):  # noqa: SIM110 - numba compiles no generator expressions
        if w[(first + i) * WIDTH + lane] != w[(second + i) * WIDTH + lane]:
            return True
    return False


@inlined
def _differing(w: NDArray[np.float64], now: int, count: int) -> Vector:
    """Return 1 in the working lanes whose triggers at a sample differ from those remembered, 0 in others."""
    found = broadcast(0.0)
    for i in range(count):
        found = choose(load(w, now + i) == load(w, now + count + i), found, broadcast(1.0))
    return found * load(w, layout.ACCEPTED) * load(w, layout.ACTIVE)


@lean
def changed(triggers: int, w: NDArray[np.float64], n: int, m: int, count: int) -> bool:
    """Return whether a trigger differs at the end of an accepted step."""
    now = trigger_row(n, m)
    call(triggers, w, layout.END, block(n, layout.NEW), parameter_row(n), now + count)
    return anywhere(_differing(w, now, count) > 0.0)


@lean
def locate(triggers: int, w: NDArray[np.float64], n: int, m: int, count: int) -> bool:
    """Bracket the first change of a trigger within the accepted steps: HIGH is the first time after it.

    LOW is the last time before it. Lanes without a change have HIGH beyond every time. Returns whether a lane
    has one. Bisection goes on until no double lies between the two.
    """
    p, now = parameter_row(n), trigger_row(n, m)
    seen, state = now + count, block(n, layout.SAMPLE)
    time, end = load(w, layout.TIME), load(w, layout.END)
    low, high = time, broadcast(np.inf)
    for share in _INSIDE:
        moment = time + share * (end - time)
        if share == 1.0:
            moment = end
        store(w, layout.MOMENT, moment)
        sample(w, n)
        call(triggers, w, layout.MOMENT, state, p, seen)
        differs_here = _differing(w, now, count) > 0.0
        low = choose(either(differs_here, high < np.inf), low, moment)
        high = choose(both(differs_here, moment < high), moment, high)
    store(w, layout.LOW, low)
    store(w, layout.HIGH, high)
    found = anywhere(high < np.inf)
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


@lean
def fall_due(w: NDArray[np.float64], row: int) -> bool:
    """Mark the accepted steps that end where a row's time has come; return whether there are any."""
    due = both(load(w, layout.END) >= load(w, row), load(w, layout.ACCEPTED) > 0.0)
    due = both(due, load(w, layout.ACTIVE) > 0.0)
    store(w, layout.FRESH, choose(due, broadcast(1.0), load(w, layout.FRESH)))
    return anywhere(due)


@lean
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
            w[layout.KNOWN * WIDTH + lane] = w[layout.HIGH * WIDTH + lane]
            tries[lane] += 1
        else:
            w[layout.END * WIDTH + lane] = w[layout.HIGH * WIDTH + lane]
            w[layout.FRESH * WIDTH + lane] = 1.0
            w[layout.KNOWN * WIDTH + lane] = -np.inf
            for i in range(n):
                w[(new + i) * WIDTH + lane] = w[(state + i) * WIDTH + lane]
