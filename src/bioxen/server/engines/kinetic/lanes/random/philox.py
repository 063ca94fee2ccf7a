"""Random numbers that are a function of a seed, a stream and a counter: Philox4x32-10, a lane each.

J. Salmon, M. Moraes, R. Dror, D. Shaw, Parallel random numbers: as easy as 1, 2, 3 (2011). Every lane has the
seed and the stream of its member: a trajectory is the same on any number of workers, in any lane.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from bioxen.server.engines.kinetic.lanes.simd.machine import machine
from bioxen.server.engines.kinetic.lanes.simd.operations import bits, row_address, words
from bioxen.server.engines.kinetic.lanes.simd.vector import DOUBLES, WORDS, lanes

_FACTORS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10
_LOW = 0xFFFFFFFF
_ARRAY = types.Array(types.float64, 1, "C")


def _rounds(builder: Any, counter: list[Any], key: list[Any]) -> list[Any]:
    """Emit the ten rounds on four vectors of 32-bit numbers, each in a 64-bit word."""
    for _ in range(_ROUNDS):
        products = [builder.mul(counter[2 * i], words(_FACTORS[i])) for i in range(2)]
        high = [builder.lshr(product, words(32)) for product in products]
        low = [builder.and_(product, words(_LOW)) for product in products]
        counter = [
            builder.xor(builder.xor(high[1], counter[1]), key[0]),
            low[1],
            builder.xor(builder.xor(high[0], counter[3]), key[1]),
            low[0],
        ]
        key = [_stepped(builder, key[i], _KEY_STEPS[i]) for i in range(2)]
    return counter


def _stepped(builder: Any, key: Any, step: int) -> Any:
    """Emit a sum that wraps at 32 bits: an instruction on halves, the upper ones of which stay zero."""
    halves = ir.VectorType(ir.IntType(32), 2 * WORDS.count)
    steps = ir.Constant(halves, [step, 0] * WORDS.count)
    return builder.bitcast(builder.add(builder.bitcast(key, halves), steps), WORDS)


def _halves(builder: Any, word: Any) -> list[Any]:
    return [builder.and_(word, words(_LOW)), builder.lshr(word, words(32))]


@machine
def philox(typing: Any, array: Any, at: Any, out: Any) -> Any:
    """Write two rows of random 64-bit words, from the lanes' counters, streams and seeds in three."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def row(first: Any, further: int) -> Any:
            address = row_address(context, builder, args[0], builder.add(first, first.type(further)))
            return builder.bitcast(address, WORDS.as_pointer())

        given = [_halves(builder, builder.load(row(args[1], i), align=8)) for i in range(3)]
        found = _rounds(builder, [*given[0], *given[1]], given[2])
        for i in range(2):
            word = builder.or_(found[2 * i], builder.shl(found[2 * i + 1], words(32)))
            builder.store(word, row(args[2], i), align=8)
        return context.get_dummy_value()

    return types.void(_ARRAY, types.intp, types.intp), emit


@machine
def uniform(typing: Any, array: Any, row: Any) -> Any:
    """Return the random words of a row as odd multiples of 2^-53: uniform between 0 and 1, never either."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = row_address(context, builder, *args)
        word = builder.load(builder.bitcast(address, WORDS.as_pointer()), align=8)
        near = builder.or_(builder.lshr(word, words(12)), words(1023 << 52))
        return builder.fsub(bits(builder, near), ir.Constant(DOUBLES, [1 - 2.0**-53] * DOUBLES.count))

    return lanes(_ARRAY, types.intp), emit
