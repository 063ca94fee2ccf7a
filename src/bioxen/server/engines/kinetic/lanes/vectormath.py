"""Exponential and logarithm of every lane at once, in plain arithmetic.

The range is reduced with a split constant (Cody and Waite), the rest is a polynomial whose coefficients are
the Chebyshev fit to 300 bits, rounded. The tests compare with exact numbers; they saw errors up to 1.1 ulp
(exp) and 0.8 ulp (log). Infinities, NaN, zeros and subnormal numbers are as in the C library.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bioxen.server.engines.kinetic.lanes.block import Block, Value, splat, splat_integer

INFINITY: Final = float("inf")
NAN: Final = float("nan")
LN2_HIGH: Final = 0.6931471805598903
"""42 bits: its product with any exponent is exact."""
LN2_LOW: Final = 5.497923018708371e-14
_LOG2_E: Final = 1.4426950408889634
_TO_INTEGER: Final = 1.5 * 2.0**52
"""Added to a number below 2^51, it leaves the nearest integer in the low bits."""
_EXP: Final = (
    0.16666666666666666,
    0.041666666666651246,
    0.008333333333332147,
    0.0013888888905973543,
    0.00019841269854409363,
    2.480153620505534e-05,
    2.755727992579576e-06,
    2.761390867578486e-07,
    2.509563297507093e-08,
)
"""(exp(r) - 1 - r - r²/2) / r³ for |r| ≤ ln(2)/2."""
LOG: Final = (
    0.4,
    0.28571428571429375,
    0.22222222221649282,
    0.18181818336888536,
    0.15384594802856283,
    0.13334813369111848,
    0.11706004250300112,
    0.11725603260192677,
)
"""(2 artanh(s) - 2s - 2s³/3) / s⁵ as a polynomial in s², for s² ≤ 0.0295."""
TWO_THIRDS: Final = (0.6666666666666666, 3.700743415417188e-17)
_ROOT_HALF_BITS: Final = 0x3FE6A09E667F3BCD
_MANTISSA: Final = 0x000FFFFFFFFFFFFF


def polynomial(block: Block, x: Value, coefficients: Sequence[float]) -> Value:
    """Return c0 + c1 x + c2 x² + ..., in pairs, which wait less for one another than Horner's rule."""
    terms = [splat(value) for value in coefficients]
    power = x
    while len(terms) > 1:
        pairs = [block.fma(terms[index + 1], power, terms[index]) for index in range(0, len(terms) - 1, 2)]
        terms = pairs + terms[len(pairs) * 2 :]
        if len(terms) > 1:
            power = block.mul(power, power)
    return terms[0]


def exp(block: Block, x: Value) -> Value:
    """Return e^x."""
    return exp_of_sum(block, x, None)


def exp_of_sum(block: Block, x: Value, low: Value | None) -> Value:
    """Return e^(x + low), where `low` is far smaller than x."""
    small, large = splat(-746.0), splat(710.0)
    x = block.select(block.compare("olt", x, small), small, x)
    x = block.select(block.compare("ogt", x, large), large, x)
    shifted = block.fma(x, splat(_LOG2_E), splat(_TO_INTEGER))
    whole = block.exact_sub(shifted, splat(_TO_INTEGER))
    r = block.fma(whole, splat(-LN2_HIGH), x)
    r = block.fma(whole, splat(-LN2_LOW), r)
    if low is not None:
        r = block.add(r, low)
    square = block.mul(r, r)
    rest = block.fma(polynomial(block, r, _EXP), r, splat(0.5))
    value = block.exact_add(block.fma(rest, square, r), splat(1.0))
    return _scale(block, value, block.bits(shifted))


def _scale(block: Block, value: Value, shifted: Value) -> Value:
    """Return value · 2^n by two factors, so that subnormal results are right; n is in the low bits."""
    n = block.integer("sub", shifted, block.bits(splat(_TO_INTEGER)))
    half = block.integer(
        "sub",
        block.integer("lshr", block.integer("add", n, splat_integer(4096)), splat_integer(1)),
        splat_integer(2048),
    )
    for part in (half, block.integer("sub", n, half)):
        biased = block.integer("add", part, splat_integer(1023))
        value = block.exact_mul(value, block.from_bits(block.integer("shl", biased, splat_integer(52))))
    return value


def split(block: Block, x: Value) -> tuple[Value, Value]:
    """Return (k, m) with x = m · 2^k and m between √½ and √2, for positive finite x."""
    tiny = block.compare("olt", x, splat(2.0**-1022))
    x = block.select(tiny, block.exact_mul(x, splat(2.0**54)), x)
    bits = block.bits(x)
    above = block.integer("sub", bits, splat_integer(_ROOT_HALF_BITS))
    # The difference is negative below √½; 1024 more in the exponent keep the shift unsigned.
    exponent = block.integer("lshr", block.integer("add", above, splat_integer(1 << 62)), splat_integer(52))
    mantissa = block.integer(
        "add", block.integer("and", above, splat_integer(_MANTISSA)), splat_integer(_ROOT_HALF_BITS)
    )
    as_double = block.from_bits(block.integer("or", exponent, block.bits(splat(2.0**52))))
    offset = block.select(tiny, splat(2.0**52 + 1024 + 54), splat(2.0**52 + 1024))
    return block.exact_sub(as_double, offset), block.from_bits(mantissa)


def log(block: Block, x: Value) -> Value:
    """Return the natural logarithm."""
    k, m = split(block, x)
    f = block.exact_sub(m, splat(1.0))
    s = block.div(f, block.exact_add(f, splat(2.0)))
    z = block.mul(s, s)
    series = block.mul(z, block.fma(polynomial(block, z, LOG), z, splat(TWO_THIRDS[0])))
    # log(1 + f) = f - (f²/2 - s (f²/2 + series)): the small part is what rounding touches.
    half_square = block.mul(block.mul(f, f), splat(0.5))
    small = block.fma(s, block.add(half_square, series), block.mul(k, splat(LN2_LOW)))
    result = block.fma(k, splat(LN2_HIGH), block.exact_sub(f, block.exact_sub(half_square, small)))
    return _log_edges(block, x, result)


def _log_edges(block: Block, x: Value, result: Value) -> Value:
    result = block.select(block.compare("oeq", x, splat(INFINITY)), x, result)
    result = block.select(block.compare("oeq", x, splat(0.0)), splat(-INFINITY), result)
    return block.select(block.compare("oge", x, splat(0.0)), result, splat(NAN))
