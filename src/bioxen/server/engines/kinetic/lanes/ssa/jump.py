"""The leaps themselves: how long one may be, and what happens in it, in one lane."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.random.poisson import poisson
from bioxen.server.engines.kinetic.lanes.random.scalar import uniforms
from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.layout import START, TIME

_CRITICAL = 10.0
_ORDER = 3.0


@compiled
def mark(
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
def flow(
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
def longest(
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
def jump(
    w: NDArray[np.float64],
    number: NDArray[np.int64],
    a: int,
    reactions: int,
    pointers: NDArray[np.int32],
    species: NDArray[np.int32],
    changes: NDArray[np.float64],
    lane: int,
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
        first, second = uniforms(number, lane)
        if risky > 0.0:
            wait = -math.log(first) / risky
            fires = wait < tau
            step = min(wait, tau)
        change[:] = 0.0
        for j in range(reactions):
            counts[j] = 0.0
            if not critical[j]:
                counts[j] = poisson(number, lane, w[(a + j) * WIDTH + lane] * step)
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
