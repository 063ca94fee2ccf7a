"""Poisson numbers from a lane's own stream of uniform ones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.random.scalar import uniforms
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean

_SMALL = 10.0
"""Below this mean, by products of uniform numbers; above, by rejection."""


@lean
def poisson(number: NDArray[np.int64], lane: int, mean: float) -> float:
    """Return a Poisson number of this mean, and move the lane's counter past the numbers it used."""
    if mean <= 0.0:
        return 0.0
    return _by_products(number, lane, mean) if mean < _SMALL else _by_rejection(number, lane, mean)


@lean
def _by_products(number: NDArray[np.int64], lane: int, mean: float) -> float:
    """Count how many uniform numbers it takes to multiply below exp(-mean): D. Knuth."""
    bound, product, count = math.exp(-mean), 1.0, 0.0
    while True:
        for u in uniforms(number, lane):
            product *= u
            if product <= bound:
                return count
            count += 1.0


@lean
def _by_rejection(number: NDArray[np.int64], lane: int, mean: float) -> float:
    """Transformed rejection, PTRS: W. Hormann, Insurance: Mathematics and Economics 12 (1993) 39."""
    b = 0.931 + 2.53 * math.sqrt(mean)
    a = -0.059 + 0.02483 * b
    inverse = 1.1239 + 1.1328 / (b - 3.4)
    quick = 0.9277 - 3.6224 / (b - 2.0)
    while True:
        first, v = uniforms(number, lane)
        u = first - 0.5
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= quick:
            return k
        if k < 0.0 or (us < 0.013 and v > us):
            continue
        density = k * math.log(mean) - mean - math.lgamma(k + 1.0)
        if math.log(v) + math.log(inverse) - math.log(a / (us * us) + b) <= density:
            return k
