"""The loop over steps: lanes take members, step, record, meet events, finish, and take the next member.

Nothing a lane computes depends on another lane, on which lane it is, or on who was in it before: a member's
numbers are the same however an ensemble is split.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.given import TIMING, Events
from bioxen.server.engines.kinetic.lanes.events.occur import arrive
from bioxen.server.engines.kinetic.lanes.events.room import waiting_room
from bioxen.server.engines.kinetic.lanes.events.status import DONE
from bioxen.server.engines.kinetic.lanes.ode import (
    control,
    events,
    explicit,
    layout,
    rosenbrock,
    sampling,
)
from bioxen.server.engines.kinetic.lanes.ode.happen import happen
from bioxen.server.engines.kinetic.lanes.ode.layout import block, parameter_row
from bioxen.server.engines.kinetic.lanes.ode.seats import SMALLEST, ULPS, close, note, take
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled, inlined, lean
from bioxen.server.engines.kinetic.lanes.simd.elementary import rows
from bioxen.server.engines.kinetic.lanes.simd.operations import (
    anywhere,
    both,
    broadcast,
    call,
    choose,
    either,
    load,
    magnitude,
    smaller,
    store,
)
from bioxen.server.engines.kinetic.lanes.simd.vector import Vector
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_ULP, _MARGIN = 2.3e-16, 1e-15


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
    happening: Events,
    moment: int,
    moments: int,
    inside: bool,
    stops: NDArray[np.float64],
    first: NDArray[np.int64],
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
    m, count, later = parameters.shape[1], happening.roots, happening.functions[TIMING] != 0
    room, allowed = waiting_room(happening), control.allowance(rtol)
    matrix = moment + moments
    w = rows(matrix + max(moments, len(entries) + size))
    member, point, tries = np.full(WIDTH, -1), np.zeros(WIDTH, np.int64), np.zeros(WIDTH, np.int64)
    failed, ahead = np.zeros(WIDTH, np.int8), np.zeros(WIDTH, np.int64)
    for i in range(n * WIDTH):
        w[block(n, layout.TOLERANCE) * WIDTH + i] = atol[i // WIDTH]
    waiting = 0
    fresh = free = True
    while True:
        if free:
            for lane in range(WIDTH):
                if member[lane] < 0 and waiting < members:
                    take(w, n, m, lane, states[waiting], parameters[waiting], start, times)
                    arrive(happening, w, lane, room)
                    member[lane], point[lane], tries[lane], failed[lane] = waiting, 0, 0, DONE
                    ahead[lane] = first[waiting]
                    waiting += 1
                    fresh = True
            if member.max() < 0:
                return
        if fresh:
            if count:
                happen(happening, w, room, failed)
            if moments:
                _foresee(functions[layout.FUNCTION_MOMENTS], w, n, moment, moments)
            sampling.record_now(w, n, times, member, point, values, changing)
            free = close(w, n, True, member, point, failed, values, status, steps, rejected)
            if free:
                continue
            control.first_step(functions[layout.FUNCTION_RATES], w, n, rtol)
        if len(stops):
            _next_stops(w, stops, first, member, ahead)
        _aim(w, longest, moment, moments)
        if stiff:
            rosenbrock.attempt(
                functions, w, n, matrix, entries, diagonal, factor, forward, backward, size, rtol
            )
        else:
            explicit.attempt(functions[layout.FUNCTION_RATES], w, n, rtol)
        control.judge(w, allowed)
        due = sampling.is_due(w)
        fresh = count > 0 and (inside or events.changed(functions[layout.FUNCTION_TRIGGERS], w, n, m, count))
        if due or fresh:
            sampling.prepare(stiff, w, n)
        if fresh:
            fresh = events.locate(functions[layout.FUNCTION_TRIGGERS], w, n, m, count)
        if fresh:
            events.cut(functions[layout.FUNCTION_TRIGGERS], w, n, m, happening.size, count, tries)
        if later:
            fresh = events.fall_due(w, layout.DUE) or fresh
        if len(stops):
            fresh = events.fall_due(w, layout.STOP) or fresh
        if due:
            sampling.record(w, n, times, member, point, values, changing)
        free = False
        if _advance(stiff, w, n, max_steps):
            note(w, max_steps, failed)
            free = close(w, n, False, member, point, failed, values, status, steps, rejected)


@lean
def _foresee(function: int, w: NDArray[np.float64], n: int, moment: int, moments: int) -> None:
    """Compute the next moments of the fresh lanes."""
    space = moment + moments
    call(function, w, layout.TIME, block(n, layout.STATE), parameter_row(n), space)
    fresh = load(w, layout.FRESH) > 0.0
    for i in range(moments):
        store(w, moment + i, choose(fresh, load(w, space + i), load(w, moment + i)))


@lean
def _next_stops(
    w: NDArray[np.float64],
    stops: NDArray[np.float64],
    first: NDArray[np.int64],
    member: NDArray[np.int64],
    ahead: NDArray[np.int64],
) -> None:
    """Write each lane's next time, of those found before the run, at which a step must end."""
    for lane in range(WIDTH):
        if member[lane] >= 0:
            last = first[member[lane] + 1]
            while ahead[lane] < last and stops[ahead[lane]] <= w[layout.TIME * WIDTH + lane]:
                ahead[lane] += 1
            w[layout.STOP * WIDTH + lane] = stops[ahead[lane]] if ahead[lane] < last else np.inf


@lean
def _aim(w: NDArray[np.float64], longest: float, moment: int, moments: int) -> None:
    """Shorten the next steps to what comes first, and write when they end.

    Before a moment a step ends a little early, so that none of its stages looks beyond; the next one is as
    short as can be, and ends just behind the moment.
    """
    time, last = load(w, layout.TIME), smaller(load(w, layout.DUE), load(w, layout.LIMIT))
    step = smaller(broadcast(longest), load(w, layout.STEP))
    end = _sooner(time, load(w, layout.STOP), _sooner(time, load(w, layout.KNOWN), last))
    for i in range(moment, moment + moments):
        end = _sooner(time, load(w, i), end)
    size = magnitude(end)
    near = both(end < last, end - time <= (4 * _MARGIN) * size)
    aim = choose(end < last, choose(near, end + _ULP * size, end - _MARGIN * size), end)
    left = aim - time
    ending = either(near, step >= left * (1 - 1e-12))
    store(w, layout.END, choose(ending, aim, time + step))
    store(w, layout.STEP, choose(ending, left, step))
    store(w, layout.FRESH, broadcast(0.0))


@inlined
def _sooner(time: Vector, moment: Vector, end: Vector) -> Vector:
    return choose(both(time < moment, moment < end), moment, end)


@lean
def _advance(stiff: bool, w: NDArray[np.float64], n: int, max_steps: int) -> bool:
    """Move the accepted lanes to the ends of their steps, scale the next steps, and count.

    Returns whether a lane ended or may have failed.
    """
    y, new, slope = block(n, layout.STATE), block(n, layout.NEW), block(n, layout.SLOPE)
    last = block(n, layout.STAGES) + 5 * n
    accepted = load(w, layout.ACCEPTED) > 0.0
    for i in range(n):
        store(w, y + i, choose(accepted, load(w, new + i), load(w, y + i)))
    if not stiff:  # the last stage is the first of the next step
        for i in range(n):
            store(w, slope + i, choose(accepted, load(w, last + i), load(w, slope + i)))
    time = choose(accepted, load(w, layout.END), load(w, layout.TIME))
    step = load(w, layout.STEP) * load(w, layout.CUT)
    steps = load(w, layout.STEPS) + load(w, layout.ACCEPTED)
    rejected = load(w, layout.REJECTED) + (1.0 - load(w, layout.ACCEPTED))
    store(w, layout.TIME, time)
    store(w, layout.STEP, step)
    store(w, layout.STEPS, steps)
    store(w, layout.REJECTED, rejected)
    going = both(step > ULPS * magnitude(time), steps + rejected < 1.0 * max_steps)
    going = both(going, both(time < load(w, layout.LIMIT), step > SMALLEST))
    return anywhere(load(w, layout.ACTIVE) > choose(going, broadcast(1.0), broadcast(0.0)))
