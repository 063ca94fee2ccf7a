"""Philox for one lane at a time: the same numbers as `philox` gives all lanes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.random.rows import COUNTER, SEED, STREAM
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_FACTOR0, _FACTOR1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_STEP0, _STEP1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@lean
def words(counter: np.uint64, stream: np.uint64, seed: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return two random 64-bit words."""
    c0, c1, c2, c3 = counter & _LOW, counter >> _HALF, stream & _LOW, stream >> _HALF
    k0, k1 = seed & _LOW, seed >> _HALF
    for _ in range(10):
        p0, p1 = c0 * _FACTOR0, c2 * _FACTOR1
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _STEP0) & _LOW, (k1 + _STEP1) & _LOW
    return c0 | (c1 << _HALF), c2 | (c3 << _HALF)


@lean
def uniforms(number: NDArray[np.int64], lane: int) -> tuple[float, float]:
    """Return two numbers between 0 and 1, never either, and move the lane's counter on."""
    place = COUNTER * WIDTH + lane
    stream, seed = number[STREAM * WIDTH + lane], number[SEED * WIDTH + lane]
    first, second = words(np.uint64(number[place]), np.uint64(stream), np.uint64(seed))
    number[place] += 1
    return _uniform(first), _uniform(second)


@lean
def _uniform(word: np.uint64) -> float:
    return (np.float64(word >> np.uint64(12)) + 0.5) * 2.0**-52
