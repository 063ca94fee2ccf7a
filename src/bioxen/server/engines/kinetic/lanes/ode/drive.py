"""The loop over steps: lanes take members, step, record, meet events, finish, and take the next member.

Nothing a lane computes depends on another lane, on which lane it is, or on who was in it before: a member's
numbers are the same however an ensemble is split.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import control, events, explicit, happen, layout, rosenbrock, sampling
from bioxen.server.engines.kinetic.lanes.ode.layout import block, moment_row, parameter_row, trigger_row
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.elementary import rows
from bioxen.server.engines.kinetic.lanes.simd.operations import call, choose, load, store
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

DONE, TOO_MANY_STEPS, NOT_FINITE, TOO_SMALL = 0, 1, 2, 3
_ULPS = 1.8e-15
_ULP, _MARGIN = 2.3e-16, 1e-15
_SMALLEST_SHARE = 1e-30


@compiled
def drive(
    stiff: bool,
    functions: NDArray[np.int64],
    entries: NDArray[np.int32],
    diagonal: NDArray[np.int32],
    factor: NDArray[np.int32],
    forward: NDArray[np.int32],
    backward: NDArray[np.int32],
    size: int,
    states: NDArray[np.float64],
    parameters: NDArray[np.float64],
    triggers_before: NDArray[np.float64],
    keeps: NDArray[np.bool_],
    pointers: NDArray[np.int32],
    targets: NDArray[np.int32],
    moments: int,
    start: float,
    times: NDArray[np.float64],
    rtol: float,
    atol: NDArray[np.float64],
    longest: float,
    max_steps: int,
    values: NDArray[np.float64],
    changing: NDArray[np.float64],
    status: NDArray[np.int8],
    steps: NDArray[np.int64],
    rejected: NDArray[np.int64],
) -> None:
    """Integrate every member; see `integrate`."""
    members, n = states.shape
    m, count = parameters.shape[1], len(triggers_before)
    last = times[-1]
    moment = moment_row(n, m, count, len(keeps) + len(targets))
    matrix = moment + moments
    w = rows(matrix + max(moments, len(entries) + size))
    member = np.full(WIDTH, -1)
    point, tries = np.zeros(WIDTH, np.int64), np.zeros(WIDTH, np.int64)
    failed = np.zeros(WIDTH, np.int8)
    for i in range(n * WIDTH):
        w[block(n, layout.TOLERANCE) * WIDTH + i] = atol[i // WIDTH]
    waiting = 0
    while True:
        busy = fresh = False
        for lane in range(WIDTH):
            if member[lane] < 0 and waiting < members:
                _take(w, n, m, lane, states[waiting], parameters[waiting], triggers_before, start, last)
                member[lane], point[lane], tries[lane], failed[lane] = waiting, 0, 0, DONE
                waiting += 1
            busy = busy or member[lane] >= 0
            fresh = fresh or (member[lane] >= 0 and w[layout.FRESH * WIDTH + lane] != 0.0)
        if not busy:
            return
        if fresh:
            if count:
                happen.happen(functions, w, n, m, count, keeps, pointers, targets, failed)
            if moments:
                _foresee(functions[layout.FUNCTION_MOMENTS], w, n, moment, moments)
            sampling.record_now(w, n, times, member, point, values, changing)
        if _close(w, n, last, member, point, failed, values, status):
            continue
        if fresh:
            control.first_step(functions[layout.FUNCTION_RATES], w, n, rtol)
        for lane in range(WIDTH):
            _limit(w, lane, last, longest, moment, moments)
        if stiff:
            rosenbrock.attempt(functions, w, n, matrix, entries, diagonal, factor, forward, backward, size, rtol)
        else:
            explicit.attempt(functions[layout.FUNCTION_RATES], w, n, rtol)
        control.judge(w)
        due = False
        for lane in range(WIDTH):
            due = due or (member[lane] >= 0 and sampling.due(w, lane, times, point[lane]))
        if due or count:
            sampling.prepare(stiff, w, n)
        if count and events.locate(functions[layout.FUNCTION_TRIGGERS], w, n, m, count, member):
            events.cut(functions[layout.FUNCTION_TRIGGERS], w, n, m, len(keeps), count, tries)
        if due:
            sampling.record(w, n, times, member, point, values, changing)
        _advance(stiff, w, n)
        for lane in range(WIDTH):
            if member[lane] >= 0:
                _count(w, lane, member[lane], max_steps, last, tries, failed, steps, rejected)


@compiled
def _take(
    w: NDArray[np.float64],
    n: int,
    m: int,
    lane: int,
    state: NDArray[np.float64],
    parameters: NDArray[np.float64],
    triggers: NDArray[np.float64],
    start: float,
    end: float,
) -> None:
    """Put a member into a lane."""
    y, p, now = block(n, layout.STATE), parameter_row(n), trigger_row(n, m)
    for i in range(n):
        w[(y + i) * WIDTH + lane] = state[i]
    for i in range(m):
        w[(p + i) * WIDTH + lane] = parameters[i]
    for i in range(len(triggers)):
        w[(now + i) * WIDTH + lane] = triggers[i]
    w[layout.TIME * WIDTH + lane] = start
    w[layout.LIMIT * WIDTH + lane] = end
    w[layout.KNOWN * WIDTH + lane] = -np.inf
    w[layout.FRESH * WIDTH + lane] = 1.0


@compiled
def _foresee(function: int, w: NDArray[np.float64], n: int, moment: int, moments: int) -> None:
    """Compute the next moments of the fresh lanes."""
    space = moment + moments
    call(function, w, layout.TIME, block(n, layout.STATE), parameter_row(n), space)
    fresh = load(w, layout.FRESH) > 0.0
    for i in range(moments):
        store(w, moment + i, choose(fresh, load(w, space + i), load(w, moment + i)))


@compiled
def _limit(w: NDArray[np.float64], lane: int, last: float, longest: float, moment: int, moments: int) -> None:
    """Shorten the next step to what comes first, and write when it ends.

    Before a moment the step ends a little early, so that none of its stages looks beyond; the next one is as
    short as can be, and ends just behind the moment.
    """
    time, step, end = w[layout.TIME * WIDTH + lane], min(w[layout.STEP * WIDTH + lane], longest), last
    known = w[layout.KNOWN * WIDTH + lane]
    if time < known < end:
        end = known
    for i in range(moment, moment + moments):
        if time < w[i * WIDTH + lane] < end:
            end = w[i * WIDTH + lane]
    if end < last:
        near = end - time <= 4 * _MARGIN * abs(end)
        end += _ULP * abs(end) if near else -_MARGIN * abs(end)
        step = end - time if near else step
    if step >= (end - time) * (1 - 1e-12):
        step = end - time
        w[layout.END * WIDTH + lane] = end
    else:
        w[layout.END * WIDTH + lane] = time + step
    w[layout.STEP * WIDTH + lane] = step
    w[layout.FRESH * WIDTH + lane] = 0.0


@compiled
def _advance(stiff: bool, w: NDArray[np.float64], n: int) -> None:
    """Move the accepted lanes to the ends of their steps, and scale the next steps."""
    y, new, slope = block(n, layout.STATE), block(n, layout.NEW), block(n, layout.SLOPE)
    last = block(n, layout.STAGES) + 5 * n
    accepted = load(w, layout.ACCEPTED) > 0.0
    for i in range(n):
        store(w, y + i, choose(accepted, load(w, new + i), load(w, y + i)))
    if not stiff:  # the last stage is the first of the next step
        for i in range(n):
            store(w, slope + i, choose(accepted, load(w, last + i), load(w, slope + i)))
    store(w, layout.TIME, choose(accepted, load(w, layout.END), load(w, layout.TIME)))
    store(w, layout.STEP, load(w, layout.STEP) * load(w, layout.CUT))


@compiled
def _count(
    w: NDArray[np.float64],
    lane: int,
    index: int,
    max_steps: int,
    end: float,
    tries: NDArray[np.int64],
    failed: NDArray[np.int8],
    steps: NDArray[np.int64],
    rejected: NDArray[np.int64],
) -> None:
    """Count a step, and note a lane that cannot go on."""
    time = w[layout.TIME * WIDTH + lane]
    if w[layout.ACCEPTED * WIDTH + lane] != 0.0:
        steps[index] += 1
        if w[layout.FRESH * WIDTH + lane] == 0.0:
            tries[lane] = 0
    else:
        rejected[index] += 1
        step = w[layout.STEP * WIDTH + lane]
        if not step > max(_ULPS * abs(time), _SMALLEST_SHARE * (end - time)):
            failed[lane] = TOO_SMALL if w[layout.ERROR * WIDTH + lane] < np.inf else NOT_FINITE
    if steps[index] + rejected[index] >= max_steps and time < end:
        failed[lane] = TOO_MANY_STEPS


@compiled
def _close(
    w: NDArray[np.float64],
    n: int,
    last: float,
    member: NDArray[np.int64],
    point: NDArray[np.int64],
    failed: NDArray[np.int8],
    values: NDArray[np.float64],
    status: NDArray[np.int8],
) -> bool:
    """Let go of the members that ended or failed, and return whether there were any; what one lacks is NaN."""
    y = block(n, layout.STATE)
    closed = False
    for lane in range(WIDTH):
        index = member[lane]
        if index < 0 or (w[layout.TIME * WIDTH + lane] < last and failed[lane] == DONE):
            continue
        for i in range(n):
            if not np.isfinite(w[(y + i) * WIDTH + lane]) and failed[lane] == DONE:
                failed[lane] = NOT_FINITE
        if failed[lane] != DONE:
            values[index, point[lane] :, :] = np.nan
        status[index] = failed[lane]
        member[lane] = -1
        closed = True
    return closed
