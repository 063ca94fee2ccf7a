"""Powers of every lane at once: x^y = exp(y · log(x)), the logarithm as a sum of two doubles.

The tests compare with exact numbers; they saw errors up to 1.3 ulp. What is special about zeros, infinities,
NaN and negative bases is as in the C library.
"""

from __future__ import annotations

from bioxen.server.engines.kinetic.lanes.block import Block, Value, splat, splat_integer
from bioxen.server.engines.kinetic.lanes.vectormath import (
    INFINITY,
    LN2_HIGH,
    LN2_LOW,
    LOG,
    NAN,
    TWO_THIRDS,
    exp_of_sum,
    polynomial,
    split,
)


def _log_pair(block: Block, x: Value) -> tuple[Value, Value]:
    """Return the logarithm of positive finite x as a sum of two doubles, to 2^-65 of itself."""
    k, m = split(block, x)
    f = block.exact_sub(m, splat(1.0))
    d = block.exact_add(m, splat(1.0))
    d_low = block.exact_sub(m, block.exact_sub(d, splat(1.0)))
    inverse = block.div(splat(1.0), d)
    s = block.exact_mul(f, inverse)
    left = block.fma(block.neg(s), d_low, block.fma(block.neg(s), d, f))
    s_low = block.mul(left, inverse)
    z = block.exact_mul(s, s)
    z_low = block.fma(block.add(s, s), s_low, block.fma(s, s, block.neg(z)))
    # 2s + s (2/3 z + z² series): the second term to twice the precision in its leading part.
    two_thirds, two_thirds_low = splat(TWO_THIRDS[0]), splat(TWO_THIRDS[1])
    u = block.exact_mul(two_thirds, z)
    u_low = block.fma(two_thirds, z, block.neg(u))
    u_low = block.fma(two_thirds, z_low, block.fma(two_thirds_low, z, u_low))
    u_low = block.fma(block.mul(z, z), polynomial(block, z, LOG), u_low)
    v = block.exact_mul(s, u)
    v_low = block.fma(s, u_low, block.fma(s_low, u, block.fma(s, u, block.neg(v))))
    main = block.exact_mul(k, splat(LN2_HIGH))
    high, low = _two_sum(block, main, block.exact_add(s, s))
    high, low2 = _two_sum(block, high, v)
    rest = block.add(
        block.fma(splat(2.0), s_low, v_low), block.fma(k, splat(LN2_LOW), block.exact_add(low, low2))
    )
    total = block.exact_add(high, rest)
    return total, block.exact_sub(rest, block.exact_sub(total, high))


def _two_sum(block: Block, a: Value, b: Value) -> tuple[Value, Value]:
    """Return the rounded sum and what rounding lost, for any sizes."""
    total = block.exact_add(a, b)
    shadow = block.exact_sub(total, a)
    lost = block.exact_add(block.exact_sub(a, block.exact_sub(total, shadow)), block.exact_sub(b, shadow))
    return total, lost


def power(block: Block, x: Value, y: Value) -> Value:
    """Return x^y, as the C library's pow."""
    size = block.intrinsic("fabs", x)
    high, low = _log_pair(block, size)
    product = block.exact_mul(y, high)
    product_low = block.fma(y, low, block.fma(y, high, block.neg(product)))
    bounded = block.compare("olt", block.intrinsic("fabs", product), splat(800.0))
    product_low = block.select(bounded, product_low, splat(0.0))
    result = exp_of_sum(block, product, product_low)
    result = _power_of_edges(block, size, y, result)
    return _power_signs(block, x, y, result)


def power_by_log(block: Block, x: Value, y: Value, logarithm: Value) -> Value:
    """Return x^y for finite y, given the logarithm of |x|: fast, and off by about |y · log x| ulp.

    A zero or infinite x needs nothing of its own: its logarithm is infinite, and so is the exponential's
    argument.
    """
    result = exp_of_sum(block, block.mul(y, logarithm), None)
    result = block.select(block.compare("oeq", y, splat(0.0)), splat(1.0), result)
    return _power_signs(block, x, y, result)


def _power_of_edges(block: Block, size: Value, y: Value, result: Value) -> Value:
    """Put right what has no logarithm: |x| of 0 or infinity, an infinite y."""
    zero, one, infinity = splat(0.0), splat(1.0), splat(INFINITY)
    falls = block.compare("olt", y, zero)
    result = block.select(block.compare("oeq", size, zero), block.select(falls, infinity, zero), result)
    result = block.select(block.compare("oeq", size, infinity), block.select(falls, zero, infinity), result)
    endless = block.compare("oeq", block.intrinsic("fabs", y), infinity)
    grows = block.logic("xor", block.compare("ogt", size, one), falls)
    result = block.select(endless, block.select(grows, infinity, zero), result)
    result = block.select(block.compare("oeq", size, one), one, result)
    known = block.logic("and", block.compare("ord", size, zero), block.compare("ord", y, zero))
    result = block.select(known, result, splat(NAN))
    return block.select(block.compare("oeq", y, zero), one, result)


def _power_signs(block: Block, x: Value, y: Value, result: Value) -> Value:
    """Put right negative bases, which have powers with whole exponents alone, and the base 1."""
    whole = block.compare("oeq", block.intrinsic("trunc", y), y)
    half = block.exact_mul(y, splat(0.5))
    odd = block.logic("and", whole, block.compare("one", block.intrinsic("trunc", half), half))
    sign = block.integer("and", block.bits(x), splat_integer(-(2**63)))
    signed = block.from_bits(block.integer("or", block.bits(result), sign))
    flipped = block.logic("and", odd, block.compare("ord", result, result))
    result = block.select(flipped, signed, result)
    lost = block.logic(
        "and", block.compare("olt", x, splat(0.0)), block.logic("xor", whole, "splat (i1 true)")
    )
    finite = block.compare("one", x, splat(-INFINITY))
    result = block.select(block.logic("and", lost, finite), splat(NAN), result)
    return block.select(block.compare("oeq", x, splat(1.0)), splat(1.0), result)
