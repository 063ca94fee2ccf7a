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

import math

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.elementary import rows
from bioxen.server.engines.kinetic.lanes.simd.operations import call
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.common import draw, fire, judge, repair, report, take
from bioxen.server.engines.kinetic.lanes.ssa.layout import (
    ACTIVE,
    COUNTER,
    DONE,
    LOWEST,
    NEGATIVE_AMOUNT,
    NEXT,
    START,
    TIME,
    TOO_MANY_EVENTS,
    TOTAL,
)
from bioxen.server.engines.kinetic.lanes.ssa.poisson import poisson
from bioxen.server.engines.kinetic.lanes.ssa.scalar import uniforms

_CRITICAL = 10.0
_ORDER = 3.0
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
    seed: np.uint64,
    first_member: int,
    max_events: int,
    values: NDArray[np.float64],
    status: NDArray[np.int8],
    events: NDArray[np.int64],
) -> None:
    """Simulate every member; see `stochastic`.

    `functions` are the propensities and the Jacobian of `entries` numbers, of which `own` are the diagonal;
    `matters` says which states change a propensity.
    """
    members, n = states.shape
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
            if member[lane] < 0 and waiting < members:
                take(w, lane, states[waiting], parameters[waiting], start, times[0], first_member + waiting)
                member[lane], point[lane], single[lane] = waiting, 0, 0
                waiting += 1
        if member.max() < 0:
            return
        call(functions[0], w, TIME, START, p, a)
        call(functions[1], w, TIME, START, p, jacobian)
        draw(w, a, reactions, seed, 1.0 * max_events)
        for lane in range(WIDTH):
            index = member[lane]
            if index < 0:
                continue
            time, total, later = w[TIME * WIDTH + lane], w[TOTAL * WIDTH + lane], w[NEXT * WIDTH + lane]
            code, tau = judge(total, w[LOWEST * WIDTH + lane]), 0.0
            if code == DONE and total > 0.0 and single[lane] == 0:
                _mark(w, a, reactions, pointers, species, changes, lane, critical)
                _flow(w, a, reactions, pointers, species, changes, lane, critical, drift, spread)
                tau = _longest(w, lane, matters, epsilon, drift, spread)
                for i in own:
                    speed = abs(w[(jacobian + i) * WIDTH + lane])
                    tau = min(tau, 2.0 * epsilon / speed if speed > 0.0 else np.inf)
                if tau < _FEW / total:
                    single[lane], tau = _SINGLE, 0.0
            if code == DONE and tau > 0.0:
                until = times[point[lane]]
                later = _jump(
                    *(w, number, a, reactions, pointers, species, changes, lane, seed),
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
            events[index] += 1
            if code == DONE and events[index] >= max_events and point[lane] < len(times):
                code = TOO_MANY_EVENTS
            if code != DONE or point[lane] == len(times):
                values[index, point[lane] :, :] = np.nan
                status[index] = code
                w[ACTIVE * WIDTH + lane] = 0.0
                member[lane] = -1


@compiled
def _mark(
    w: NDArray[np.float64],
    a: int,
    reactions: int,
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    lane: int,
    critical: NDArray[np.bool_],
) -> None:
    """Note which reactions could use up a reactant in a few events."""
    for j in range(reactions):
        critical[j] = False
        if w[(a + j) * WIDTH + lane] > 0.0:
            for at in range(pointers[j], pointers[j + 1]):
                if changes[at] < 0.0 and w[(START + species[at]) * WIDTH + lane] < -changes[at] * _CRITICAL:
                    critical[j] = True


@compiled
def _flow(
    w: NDArray[np.float64],
    a: int,
    reactions: int,
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    lane: int,
    critical: NDArray[np.bool_],
    drift: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> None:
    """Compute mean and variance, per time, of each state's change by the reactions that are not critical."""
    drift[:] = 0.0
    spread[:] = 0.0
    for j in range(reactions):
        if not critical[j]:
            propensity = w[(a + j) * WIDTH + lane]
            for at in range(pointers[j], pointers[j + 1]):
                drift[species[at]] += changes[at] * propensity
                spread[species[at]] += changes[at] * changes[at] * propensity


@compiled
def _longest(
    w: NDArray[np.float64],
    lane: int,
    matters: NDArray[np.bool_],
    epsilon: float,
    drift: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> float:
    """Return the longest leap in which no propensity is expected to change much."""
    tau = np.inf
    for i in range(len(drift)):
        if matters[i]:
            allowed = max(epsilon * w[(START + i) * WIDTH + lane] / _ORDER, 1.0)
            if drift[i] != 0.0:
                tau = min(tau, allowed / abs(drift[i]))
            if spread[i] > 0.0:
                tau = min(tau, allowed * allowed / spread[i])
    return tau


@compiled
def _jump(
    w: NDArray[np.float64],
    number: NDArray[np.int64],
    a: int,
    reactions: int,
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    lane: int,
    seed: np.uint64,
    critical: NDArray[np.bool_],
    counts: NDArray[np.float64],
    change: NDArray[np.float64],
    tau: float,
    until: float,
) -> float:
    """Leap, shorter each time an amount would turn negative; return the time reached.

    Where one single event makes an amount negative, no leap is short enough: then that is minus infinity.
    """
    time, risky = w[TIME * WIDTH + lane], 0.0
    for j in range(reactions):
        if critical[j]:
            risky += w[(a + j) * WIDTH + lane]
    while True:
        fires, step = False, tau
        first, second = uniforms(number, lane, seed)
        if risky > 0.0:
            wait = -math.log(first) / risky
            fires = wait < tau
            step = min(wait, tau)
        change[:] = 0.0
        for j in range(reactions):
            counts[j] = 0.0
            if not critical[j]:
                counts[j] = poisson(number, lane, seed, w[(a + j) * WIDTH + lane] * step)
        chosen = 0
        if fires:
            chosen = _pick(w, a, reactions, critical, second * risky, lane)
            counts[chosen] = 1.0
        for j in range(reactions):
            if counts[j] > 0.0:
                for at in range(pointers[j], pointers[j + 1]):
                    change[species[at]] += changes[at] * counts[j]
        safe = True
        for i in range(len(change)):
            safe = safe and w[(START + i) * WIDTH + lane] + change[i] >= 0.0
        if safe:
            for i in range(len(change)):
                w[(START + i) * WIDTH + lane] += change[i]
            return until if time + step >= until else time + step
        if fires and _uses_up(w, pointers, species, changes, lane, chosen):
            return -np.inf
        tau *= 0.5


@compiled
def _pick(
    w: NDArray[np.float64], a: int, reactions: int, critical: NDArray[np.bool_], threshold: float, lane: int
) -> int:
    """Return the critical reaction at `threshold` of the sum of their propensities."""
    total, last = 0.0, 0
    for j in range(reactions):
        if critical[j] and w[(a + j) * WIDTH + lane] > 0.0:
            total += w[(a + j) * WIDTH + lane]
            last = j
            if total > threshold:
                return j
    return last


@compiled
def _uses_up(
    w: NDArray[np.float64],
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    lane: int,
    reaction: int,
) -> bool:
    """Return whether one event of a reaction makes an amount negative."""
    for at in range(pointers[reaction], pointers[reaction + 1]):
        if w[(START + species[at]) * WIDTH + lane] + changes[at] < 0.0:
            return True
    return False
