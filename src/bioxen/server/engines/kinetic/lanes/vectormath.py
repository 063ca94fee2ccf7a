"""Exponential, logarithm and power of every lane at once, in plain arithmetic.

The range is reduced with a split constant (Cody and Waite), the rest is a polynomial whose coefficients are
the Chebyshev fit to 300 bits, rounded. Errors are below 1 ulp (exp, log) and 2 ulp (pow); the tests compare
with exact numbers. Infinities, NaN, zeros and subnormal numbers are as in the C library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bioxen.server.engines.kinetic.lanes.block import Block, Value, splat, splat_integer

_INFINITY: Final = float("inf")
_NAN: Final = float("nan")
_LN2_HIGH: Final = 0.6931471805598903
"""42 bits: its product with any exponent is exact."""
_LN2_LOW: Final = 5.497923018708371e-14
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
_LOG: Final = (
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
_TWO_THIRDS: Final = (0.6666666666666666, 3.700743415417188e-17)
_ROOT_HALF_BITS: Final = 0x3FE6A09E667F3BCD
_MANTISSA: Final = 0x000FFFFFFFFFFFFF


def functions(names: set[str], width: int, declared: set[str]) -> str:
    """Return the definitions of the named functions, after what they and `declared` declare."""
    texts = []
    declared = set(declared)
    for name in sorted(names):
        block = Block(width)
        body, arity = FUNCTIONS[name]
        parameters = [f"%x{index}" for index in range(arity)]
        result = body(block, *parameters)
        listed = ", ".join(f"{block.doubles} {parameter}" for parameter in parameters)
        head = f"define internal {block.doubles} @lane_{name}({listed}) nounwind {{"
        texts += [head, *block.lines, f"  ret {block.doubles} {result}", "}"]
        declared |= block.declared
    return "\n".join([*sorted(declared), *texts])


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
    return _exp_of_sum(block, x, None)


def _exp_of_sum(block: Block, x: Value, low: Value | None) -> Value:
    """Return e^(x + low), where `low` is far smaller than x."""
    small, large = splat(-746.0), splat(710.0)
    x = block.select(block.compare("olt", x, small), small, x)
    x = block.select(block.compare("ogt", x, large), large, x)
    shifted = block.fma(x, splat(_LOG2_E), splat(_TO_INTEGER))
    whole = block.exact_sub(shifted, splat(_TO_INTEGER))
    r = block.fma(whole, splat(-_LN2_HIGH), x)
    r = block.fma(whole, splat(-_LN2_LOW), r)
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


def _split(block: Block, x: Value) -> tuple[Value, Value]:
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
    k, m = _split(block, x)
    f = block.exact_sub(m, splat(1.0))
    s = block.div(f, block.exact_add(f, splat(2.0)))
    z = block.mul(s, s)
    series = block.mul(z, block.fma(polynomial(block, z, _LOG), z, splat(_TWO_THIRDS[0])))
    # log(1 + f) = f - (f²/2 - s (f²/2 + series)): the small part is what rounding touches.
    half_square = block.mul(block.mul(f, f), splat(0.5))
    small = block.fma(s, block.add(half_square, series), block.mul(k, splat(_LN2_LOW)))
    result = block.fma(k, splat(_LN2_HIGH), block.exact_sub(f, block.exact_sub(half_square, small)))
    return _log_edges(block, x, result)


def _log_edges(block: Block, x: Value, result: Value) -> Value:
    result = block.select(block.compare("oeq", x, splat(_INFINITY)), x, result)
    result = block.select(block.compare("oeq", x, splat(0.0)), splat(-_INFINITY), result)
    return block.select(block.compare("oge", x, splat(0.0)), result, splat(_NAN))


def _log_pair(block: Block, x: Value) -> tuple[Value, Value]:
    """Return the logarithm of positive finite x as a sum of two doubles, to 2^-65 of itself."""
    k, m = _split(block, x)
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
    two_thirds, two_thirds_low = splat(_TWO_THIRDS[0]), splat(_TWO_THIRDS[1])
    u = block.exact_mul(two_thirds, z)
    u_low = block.fma(two_thirds, z, block.neg(u))
    u_low = block.fma(two_thirds, z_low, block.fma(two_thirds_low, z, u_low))
    u_low = block.fma(block.mul(z, z), polynomial(block, z, _LOG), u_low)
    v = block.exact_mul(s, u)
    v_low = block.fma(s, u_low, block.fma(s_low, u, block.fma(s, u, block.neg(v))))
    main = block.exact_mul(k, splat(_LN2_HIGH))
    high, low = _two_sum(block, main, block.exact_add(s, s))
    high, low2 = _two_sum(block, high, v)
    rest = block.add(
        block.fma(splat(2.0), s_low, v_low), block.fma(k, splat(_LN2_LOW), block.exact_add(low, low2))
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
    result = _exp_of_sum(block, product, product_low)
    result = _power_of_edges(block, size, y, result)
    return _power_signs(block, x, y, result)


def _power_of_edges(block: Block, size: Value, y: Value, result: Value) -> Value:
    """Put right what has no logarithm: |x| of 0 or infinity, an infinite y."""
    zero, one, infinity = splat(0.0), splat(1.0), splat(_INFINITY)
    falls = block.compare("olt", y, zero)
    result = block.select(block.compare("oeq", size, zero), block.select(falls, infinity, zero), result)
    result = block.select(block.compare("oeq", size, infinity), block.select(falls, zero, infinity), result)
    endless = block.compare("oeq", block.intrinsic("fabs", y), infinity)
    grows = block.logic("xor", block.compare("ogt", size, one), falls)
    result = block.select(endless, block.select(grows, infinity, zero), result)
    result = block.select(block.compare("oeq", size, one), one, result)
    known = block.logic("and", block.compare("ord", size, zero), block.compare("ord", y, zero))
    result = block.select(known, result, splat(_NAN))
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
    finite = block.compare("one", x, splat(-_INFINITY))
    result = block.select(block.logic("and", lost, finite), splat(_NAN), result)
    return block.select(block.compare("oeq", x, splat(1.0)), splat(1.0), result)


FUNCTIONS: Final[dict[str, tuple[Callable[..., Value], int]]] = {
    "exp": (exp, 1),
    "log": (log, 1),
    "pow": (power, 2),
}
