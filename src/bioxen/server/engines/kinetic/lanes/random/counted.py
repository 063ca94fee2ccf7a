"""Whole numbers of the Poisson and the binomial distribution between bounds, from one uniform number.

The chances are summed from the most likely number outwards, each from its neighbour's, so that none of them
underflows however many trials there are.
"""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.kinetic.lanes.simd.compiled import lean

_NOTHING = 1e-18
"""A chance this much smaller than the sum of those before it, and falling, ends the sum."""


@lean
def poisson_between(mean: float, low: float, high: float, u: float) -> float:
    """Return a Poisson number of this mean between two bounds; NaN where there is none."""
    first, last = max(np.ceil(low), 0.0), np.floor(high)
    if mean == 0.0:
        last = min(last, 0.0)
    if first > last:
        return np.nan
    return _outwards(-mean, 1.0, first, last, np.floor(mean), u)


@lean
def binomial(trials: float, chance: float, low: float, high: float, u: float) -> float:
    """Return how many of so many trials succeed; NaN where trials are no whole number."""
    if not (trials >= 0.0 and trials == np.floor(trials) and 0.0 <= chance <= 1.0):
        return np.nan
    first, last = max(np.ceil(low), 0.0), min(np.floor(high), trials)
    if chance == 0.0:
        last = min(last, 0.0)
    if chance == 1.0:
        first = max(first, trials)
    if first > last:
        return np.nan
    if chance == 1.0:
        return trials
    return _outwards(trials, chance / (1.0 - chance), first, last, np.floor((trials + 1.0) * chance), u)


@lean
def _ratio(size: float, odds: float, k: float) -> float:
    """Return the chance of k + 1 over that of k; a negative size stands for a Poisson mean."""
    return (-size if size < 0.0 else (size - k) * odds) / (k + 1.0)


@lean
def _outwards(size: float, odds: float, first: float, last: float, likeliest: float, u: float) -> float:
    centre = min(max(likeliest, first), last)
    total, term, k = 1.0, 1.0, centre
    while k < last:
        term *= _ratio(size, odds, k)
        k += 1.0
        total += term
        if term < _NOTHING * total:
            break
    top = k
    term, k = 1.0, centre
    while k > first:
        term /= _ratio(size, odds, k - 1.0)
        k -= 1.0
        total += term
        if term < _NOTHING * total:
            break
    left = u * total
    while k < top:  # from the lowest up
        left -= term
        if left < 0.0:
            return k
        term *= _ratio(size, odds, k)
        k += 1.0
    return top
