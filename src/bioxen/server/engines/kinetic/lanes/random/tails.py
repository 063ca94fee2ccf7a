"""Shares of distributions above a value, and the values above which a share lies."""

from __future__ import annotations

import math

from bioxen.server.engines.kinetic.lanes.simd.compiled import lean

_EPSILON = 1e-16
_MOST_TERMS = 100_000
_HALVINGS = 200


@lean
def normal_above(z: float) -> float:
    """Return the share of the standard normal distribution above `z`."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


@lean
def gamma_above(shape: float, x: float) -> float:
    """Return the share of the gamma distribution of scale 1 above `x`: the regularised incomplete gamma Q."""
    if x <= 0.0:
        return 1.0
    if x == math.inf:
        return 0.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return 1.0 - front * _series(shape, x) if x < shape + 1.0 else front * _fraction(shape, x)


@lean
def gamma_below(shape: float, x: float) -> float:
    """Return the share below `x`: P. Near 0 it is far more exact than one minus the share above."""
    if x <= 0.0:
        return 0.0
    if x == math.inf:
        return 1.0
    front = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return front * _series(shape, x) if x < shape + 1.0 else 1.0 - front * _fraction(shape, x)


@lean
def _series(shape: float, x: float) -> float:
    """Return the sum of x^k / (shape (shape + 1) ... (shape + k))."""
    term = 1.0 / shape
    total = term
    for k in range(1, _MOST_TERMS):
        term *= x / (shape + k)
        total += term
        if term < total * _EPSILON:
            break
    return total


@lean
def _fraction(shape: float, x: float) -> float:
    """Return the continued fraction of Q by Lentz's method, as Press et al. have it."""
    tiny = 1e-300
    b = x + 1.0 - shape
    c, d = 1.0 / tiny, 1.0 / b
    total = d
    for k in range(1, _MOST_TERMS):
        a = -k * (k - shape)
        b += 2.0
        d = a * d + b
        d = 1.0 / (tiny if abs(d) < tiny else d)
        c = b + a / c
        c = tiny if abs(c) < tiny else c
        total *= c * d
        if abs(c * d - 1.0) < _EPSILON:
            break
    return total


@lean
def normal_between(low: float, high: float, u: float) -> float:
    """Return what `u` of a uniform number makes of the standard normal distribution between two values.

    Tails keep their relative precision: what lies below zero is mirrored. NaN where nothing lies between.
    """
    if high <= 0.0:
        return -_normal_above(-high, -low, u)
    return _normal_above(low, high, u)


@lean
def _normal_above(low: float, high: float, u: float) -> float:
    most, least = normal_above(low), normal_above(high)
    if not most > least:
        return math.nan
    wanted = most - u * (most - least)
    a, b = max(low, -40.0), min(high, 40.0)
    for _ in range(_HALVINGS):
        middle = 0.5 * (a + b)
        if not a < middle < b:
            break
        if normal_above(middle) > wanted:
            a = middle
        else:
            b = middle
    return b


@lean
def gamma_between(shape: float, low: float, high: float, u: float) -> float:
    """Return what `u` makes of the gamma distribution of scale 1 between two values; NaN where nothing is."""
    low = max(low, 0.0)
    above = gamma_below(shape, low) > 0.5  # then the shares above are the exact ones
    if above:
        first, last = gamma_above(shape, low), gamma_above(shape, high)
    else:
        first, last = gamma_below(shape, low), gamma_below(shape, high)
    if first == last:
        return math.nan
    wanted = first + u * (last - first)
    a, b = low, min(high, shape + 1.0)
    while b < high and (gamma_above(shape, b) > wanted if above else gamma_below(shape, b) < wanted):
        a, b = b, min(2.0 * b, high)
    for _ in range(_HALVINGS):
        middle = 0.5 * (a + b)
        if not a < middle < b:
            break
        if gamma_above(shape, middle) > wanted if above else gamma_below(shape, middle) < wanted:
            a = middle
        else:
            b = middle
    return b
