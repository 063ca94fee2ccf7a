"""The length of the steps: the first one, and the next one after a step that was tried."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.ode.layout import block
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.elementary import exponential2, logarithm, power_of
from bioxen.server.engines.kinetic.lanes.simd.operations import (
    broadcast,
    call,
    choose,
    larger,
    load,
    magnitude,
    root,
    store,
)

SAFETY = 0.95
SMALLEST, LARGEST = 0.2, 8.0
LOG2 = 1.4426950408889634
_ORDER = 5.0
"""Of the solution kept; the error is estimated for one of order 4."""
_MOST = 10.0
HUGE = 1e10
"""Stands for an error that is no number."""


@lean
def first_step(rates: int, w: NDArray[np.float64], n: int, rtol: float) -> None:
    """Choose the step of the fresh lanes from first and second derivatives; write the rates at their start.

    E. Hairer, S. Norsett, G. Wanner, Solving Ordinary Differential Equations I, II.4.
    """
    y, slope, stage, new = (
        block(n, layout.STATE),
        block(n, layout.SLOPE),
        block(n, layout.STAGE),
        block(n, layout.NEW),
    )
    p = layout.SINGLES + layout.BLOCKS * n
    t, span = load(w, layout.TIME), load(w, layout.LIMIT) - load(w, layout.TIME)
    fresh = load(w, layout.FRESH) > 0.0
    count = 1.0 * max(n, 1)
    call(rates, w, layout.TIME, y, p, new)
    d0, d1, d2 = broadcast(0.0), broadcast(0.0), broadcast(0.0)
    for i in range(n):
        store(w, slope + i, choose(fresh, load(w, new + i), load(w, slope + i)))
        scale = load(w, block(n, layout.TOLERANCE) + i) + rtol * magnitude(load(w, y + i))
        value, move = load(w, y + i) / scale, load(w, new + i) / scale
        d0 = d0 + value * value
        d1 = d1 + move * move
    d0, d1 = root(d0 / count), root(d1 / count)
    tiny = 1e-6 * span
    trial = choose(d0 > 1e-5, choose(d1 > 1e-5 / span, 0.01 * (d0 / d1), tiny), tiny)
    trial = choose(trial < span, trial, span)
    for i in range(n):
        store(w, stage + i, load(w, y + i) + trial * load(w, new + i))
    store(w, layout.MOMENT, t + trial)
    call(rates, w, layout.MOMENT, stage, p, new)
    for i in range(n):
        scale = load(w, block(n, layout.TOLERANCE) + i) + rtol * magnitude(load(w, y + i))
        bend = (load(w, new + i) - load(w, slope + i)) / scale
        d2 = d2 + bend * bend
    d2 = root(d2 / count) / trial
    steepest = larger(d1, d2)
    known = choose(steepest < 1e200, steepest, broadcast(1e200))
    curved = power_of(0.01 / choose(known > 1e-200, known, broadcast(1e-200)), 0.2)
    step = choose(known * span > 1e-14, curved, span)
    step = choose(step < 100.0 * trial, step, 100.0 * trial)
    step = choose(step < span, step, span)
    step = choose(step > 0.0, step, tiny)
    store(w, layout.STEP, choose(fresh, step, load(w, layout.STEP)))
    store(w, layout.LOG_ERROR, choose(fresh, broadcast(0.0), load(w, layout.LOG_ERROR)))
    store(w, layout.GROWTH, choose(fresh, broadcast(LARGEST), load(w, layout.GROWTH)))


@lean
def allowance(rtol: float) -> float:
    """Return how many times the tolerance the estimated error of a step may be.

    The estimate is that of the embedded solution of order 4, and falls with the fifth power of a step. The
    solution that is kept has order 5, and its error falls with the sixth: to an estimate of `e` belongs an
    error of about e^(6/5). That is within the tolerance where e is within rtol^(5/6), which is rtol^(-1/6)
    times it: 4.6 at 1e-4, 10 at 1e-6. At finer tolerances it stays 10, which proved enough: decision 0011.
    """
    return _MOST * min(1.0, (1e-6 / rtol) ** (1.0 / (_ORDER + 1.0)))


@lean
def judge(w: NDArray[np.float64], allowed: float) -> None:
    """Accept the steps whose error is within bounds, and choose each lane's next: a PI controller of order 5.

    Writes ACCEPTED and, as CUT, the factor for the next step. `GROWTH` is the largest factor allowed now: one
    after a step that was rejected.
    """
    error = load(w, layout.ERROR) * (1.0 / allowed)
    number = choose(error < HUGE, error, broadcast(HUGE))
    accepted = error <= 1.0
    now = logarithm(larger(number, broadcast(1e-6))) * LOG2
    before = load(w, layout.LOG_ERROR)
    onward = SAFETY * exponential2(0.08 * before - 0.14 * now)
    back = SAFETY * exponential2(-0.2 * now)
    factor = larger(choose(accepted, onward, back), broadcast(SMALLEST))
    largest = load(w, layout.GROWTH)
    factor = choose(factor < largest, factor, largest)
    store(w, layout.ACCEPTED, choose(accepted, broadcast(1.0), broadcast(0.0)))
    store(w, layout.CUT, factor)
    store(w, layout.GROWTH, choose(accepted, broadcast(LARGEST), broadcast(1.0)))
    store(w, layout.LOG_ERROR, choose(accepted, now, before))
