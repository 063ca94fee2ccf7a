"""Logarithms, powers and random numbers of the drivers: as in `simd/elementary.py`, one number each."""

from __future__ import annotations

from typing import Any, Final

from bioxen.server.engines.kinetic.lanes.gpu.writer import Number, Writer

_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_LOG2_E: Final = 1.4426950408889634
_LN2: Final = 0.6931471805599453
_TO_WHOLE: Final = 6755399441055744.0
_FACTORS: Final = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS: Final = (0x9E3779B9, 0xBB67AE85)
_ROUNDS: Final = 10
_LOW: Final = 0xFFFFFFFF


def logarithm(writer: Writer, x: Number) -> Number:
    """Return the natural logarithm of a positive, normal number, within two units in the last place."""
    b, word = writer.builder, writer.index
    bits = writer.bits(x)
    exponent = b.sub(b.lshr(bits, word(52)), word(1023))
    f = writer.from_bits(b.or_(b.and_(bits, word(2**52 - 1)), word(1023 << 52)))
    power = writer.number(b.sitofp(exponent, x.value.type))
    high = f > 2.0**0.5
    f = writer.choose(high, f * 0.5, f)
    power = writer.choose(high, power + 1.0, power)
    s = (f - 1.0) / (f + 1.0)
    z = s * s
    series = writer.number(1 / 23)
    for divisor in range(21, 1, -2):
        series = series * z + 1 / divisor
    return power * _LN2_HIGH + (power * _LN2_LOW + 2.0 * s * z * series + 2.0 * s)


def exponential2(writer: Writer, x: Number) -> Number:
    """Return 2^x within 1e-7 for x between -1000 and 1000: enough to choose a step."""
    b = writer.builder
    whole = _exact(writer, _exact(writer, x, "fadd"), "fsub")
    r = (x - whole) * _LN2
    series = writer.number(1 / 5040)
    for coefficient in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0):
        series = series * r + coefficient
    biased = b.add(b.fptosi(whole.value, writer.index(0).type), writer.index(1023))
    return series * writer.from_bits(b.shl(biased, writer.index(52)))


def _exact(writer: Writer, x: Number, operation: str) -> Number:
    """Add or take away a number without fraction bits, by itself: both together round to a whole number."""
    return writer.number(getattr(writer.builder, operation)(x.value, writer.number(_TO_WHOLE).value))


def power_of(writer: Writer, x: Number, exponent: float) -> Number:
    """Return x^exponent within 1e-7, for x from 1e-300 to 1e300 and small exponents."""
    return exponential2(writer, logarithm(writer, x) * (exponent * _LOG2_E))


def uniforms(writer: Writer, counter: Any, stream: Any, seed: Any) -> tuple[Number, Number]:
    """Return two numbers between 0 and 1, never either: `random/philox.py`'s for the same three words."""
    b, word = writer.builder, writer.index

    def halves(number: Any) -> list[Any]:
        return [b.and_(number, word(_LOW)), b.lshr(number, word(32))]

    c, key = [*halves(counter), *halves(stream)], halves(seed)
    for _ in range(_ROUNDS):
        products = [b.mul(c[2 * i], word(_FACTORS[i])) for i in range(2)]
        high = [b.lshr(product, word(32)) for product in products]
        low = [b.and_(product, word(_LOW)) for product in products]
        c = [b.xor(b.xor(high[1], c[1]), key[0]), low[1], b.xor(b.xor(high[0], c[3]), key[1]), low[0]]
        key = [b.and_(b.add(key[i], word(_KEY_STEPS[i])), word(_LOW)) for i in range(2)]
    first, second = (b.or_(c[2 * i], b.shl(c[2 * i + 1], word(32))) for i in range(2))
    return _uniform(writer, first), _uniform(writer, second)


def _uniform(writer: Writer, random: Any) -> Number:
    near = writer.builder.or_(writer.builder.lshr(random, writer.index(12)), writer.index(1023 << 52))
    return writer.from_bits(near) - (1 - 2.0**-53)
