"""Elementary functions of lanes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.simd.compiled import compiled, lean
from bioxen.server.engines.kinetic.lanes.simd.operations import (
    binary_exponent,
    broadcast,
    choose,
    fraction,
    two_to,
)
from bioxen.server.engines.kinetic.lanes.simd.vector import Vector
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_ROOT2 = 2.0**0.5


@compiled
def rows(count: int) -> NDArray[np.float64]:
    """Return `count` rows of zeros that start on a boundary of 64 bytes, where vectors load fastest."""
    space = np.zeros(count * WIDTH + 8)
    skipped = (-space.ctypes.data % 64) // 8
    return space[skipped : skipped + count * WIDTH]


@lean
def logarithm(x: Vector) -> Vector:
    """Return the natural logarithm of positive, normal numbers, within two units in the last place.

    log(2^e f) = e log 2 + log f, and with s = (f - 1) / (f + 1), log f = 2 (s + s^3/3 + s^5/5 + ...).
    """
    power = binary_exponent(x)
    f = fraction(x)
    high = f > _ROOT2
    f = choose(high, f * 0.5, f)
    power = choose(high, power + 1.0, power)
    s = (f - 1.0) / (f + 1.0)
    z = s * s
    series = broadcast(1 / 23)
    series = series * z + 1 / 21
    series = series * z + 1 / 19
    series = series * z + 1 / 17
    series = series * z + 1 / 15
    series = series * z + 1 / 13
    series = series * z + 1 / 11
    series = series * z + 1 / 9
    series = series * z + 1 / 7
    series = series * z + 1 / 5
    series = series * z + 1 / 3
    return power * _LN2_HIGH + (power * _LN2_LOW + 2.0 * s * z * series + 2.0 * s)


@lean
def exponential2(x: Vector) -> Vector:
    """Return 2^x within 1e-7 for x between -1000 and 1000: enough to choose a step."""
    whole = _rounded(x)
    r = (x - whole) * 0.6931471805599453
    series = broadcast(1 / 5040)
    series = series * r + 1 / 720
    series = series * r + 1 / 120
    series = series * r + 1 / 24
    series = series * r + 1 / 6
    series = series * r + 0.5
    series = series * r + 1.0
    series = series * r + 1.0
    return series * two_to(whole)


@lean
def _rounded(x: Vector) -> Vector:
    """Return the nearest whole number, by adding and taking away a number without fraction bits."""
    big = 6755399441055744.0
    return (x + big) - big


@lean
def power_of(x: Vector, exponent: float) -> Vector:
    """Return x^exponent within 1e-7, for x from 1e-300 to 1e300 and small exponents."""
    return exponential2(logarithm(x) * (exponent * 1.4426950408889634))
