"""Tau-leaping in lanes: many events at once where they change little, single events where they matter.

Y. Cao, D. Gillespie, L. Petzold, J. Chem. Phys. 124 (2006) 044109. A reaction that could use up a reactant in
fewer than ten events is critical and fires alone; a leap that would make an amount negative is halved; where
a leap would hardly cover more than single events, those are simulated exactly. The order of the reactions is
not known for arbitrary rate laws: `g` is 3, which holds up to two molecules of a kind, or three of different
ones. No leap is longer than 2 epsilon over the fastest rate at which a state decays by itself: near a balance
of fast reactions the expected change is small, and only that keeps the variance right, within a
share epsilon.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.elementary import rows
from bioxen.server.engines.kinetic.lanes.simd.operations import call
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.common import (
    close,
    draw,
    fire,
    judge,
    refill,
    repair,
    report,
)
from bioxen.server.engines.kinetic.lanes.ssa.jump import flow, jump, longest, mark
from bioxen.server.engines.kinetic.lanes.ssa.layout import (
    COUNTER,
    DONE,
    EVENTS,
    LOWEST,
    NEGATIVE_AMOUNT,
    NEXT,
    START,
    TIME,
    TOO_MANY_EVENTS,
    TOTAL,
)

_FEW = 10.0
"""A leap must be longer than this many mean times between events."""
_SINGLE = 100
"""Single events simulated before a leap is looked for again."""


@compiled
def leap(
    functions: NDArray[np.int64],
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    reactions: int,
    matters: NDArray[np.bool_],
    own: NDArray[np.int32],
    entries: int,
    epsilon: float,
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
    """Simulate every member; see `stochastic`.

    `functions` are the propensities and the Jacobian of `entries` numbers, of which `own` are the diagonal;
    `matters` says which states change a propensity.
    """
    n = states.shape[1]
    p = START + n
    a = p + parameters.shape[1]
    jacobian = a + 2 * reactions
    w = rows(jacobian + entries)
    number = w.view(np.int64)
    member, point, single = np.full(WIDTH, -1), np.zeros(WIDTH, np.int64), np.zeros(WIDTH, np.int64)
    critical, counts = np.zeros(reactions, np.bool_), np.zeros(reactions)
    drift, spread = np.zeros(n), np.zeros(n)
    waiting = 0
    while True:
        for lane in range(WIDTH):
            if member[lane] < 0:
                single[lane] = 0
        waiting = refill(w, member, point, waiting, states, parameters, start, times[0], streams)
        if member.max() < 0:
            return
        call(functions[0], w, TIME, START, p, a)
        call(functions[1], w, TIME, START, p, jacobian)
        draw(w, a, reactions, 1.0 * max_events)
        for lane in range(WIDTH):
            index = member[lane]
            if index < 0:
                continue
            time, total, later = w[TIME * WIDTH + lane], w[TOTAL * WIDTH + lane], w[NEXT * WIDTH + lane]
            code, tau = judge(total, w[LOWEST * WIDTH + lane]), 0.0
            if code == DONE and total > 0.0 and single[lane] == 0:
                mark(w, a, reactions, pointers, species, changes, lane, critical)
                flow(w, a, reactions, pointers, species, changes, lane, critical, drift, spread)
                tau = longest(w, lane, matters, epsilon, drift, spread)
                for i in own:
                    speed = abs(w[(jacobian + i) * WIDTH + lane])
                    tau = min(tau, 2.0 * epsilon / speed if speed > 0.0 else np.inf)
                if tau < _FEW / total:
                    single[lane], tau = _SINGLE, 0.0
            if code == DONE and tau > 0.0:
                until = times[point[lane]]
                later = jump(
                    *(w, number, a, reactions, pointers, species, changes, lane),
                    *(critical, counts, drift, min(tau, until - time), until),
                )
                if later < time:
                    code, later = NEGATIVE_AMOUNT, time
                point[lane] = report(w, lane, np.nextafter(later, np.inf), times, point[lane], values, index)
            elif code == DONE:
                point[lane] = report(w, lane, later, times, point[lane], values, index)
                if point[lane] < len(times):
                    repair(w, a, reactions, lane)
                    if fire(w, pointers, species, changes, lane):
                        code = NEGATIVE_AMOUNT
                    number[COUNTER * WIDTH + lane] += 1
                    single[lane] = max(single[lane] - 1, 0)
            w[TIME * WIDTH + lane] = later
            w[EVENTS * WIDTH + lane] += 1.0
            if code == DONE and w[EVENTS * WIDTH + lane] >= max_events and point[lane] < len(times):
                code = TOO_MANY_EVENTS
            if code != DONE or point[lane] == len(times):
                close(w, lane, code, member, point, values, status, events)
