"""What is done with vectors of lanes besides arithmetic: memory, choice, calls, bits, truth."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from bioxen.server.engines.kinetic.lanes.simd.machine import machine
from bioxen.server.engines.kinetic.lanes.simd.vector import DOUBLES, WORDS, lanes, mask, splat
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

_ARRAY = types.Array(types.float64, 1, "C")
_DOUBLE = ir.DoubleType().as_pointer()
_BYTES = 8


def row_address(context: Any, builder: Any, array: Any, row: Any) -> Any:
    """Emit the address of a row of `WIDTH` doubles."""
    data = context.make_array(_ARRAY)(context, builder, array).data
    return builder.gep(data, [builder.mul(row, row.type(WIDTH))])


@machine
def load(typing: Any, array: Any, row: Any) -> Any:
    """Return row `row` of an array of rows."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = builder.bitcast(row_address(context, builder, *args), DOUBLES.as_pointer())
        return builder.load(pointer, align=_BYTES)

    return lanes(_ARRAY, types.intp), emit


@machine
def store(typing: Any, array: Any, row: Any, value: Any) -> Any:
    """Write `value` to row `row`."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = builder.bitcast(row_address(context, builder, args[0], args[1]), DOUBLES.as_pointer())
        builder.store(args[2], pointer, align=_BYTES)
        return context.get_dummy_value()

    return types.void(_ARRAY, types.intp, lanes), emit


@machine
def broadcast(typing: Any, value: Any) -> Any:
    """Return `value` in every lane."""
    return lanes(types.float64), lambda context, builder, sig, args: splat(builder, args[0])


@machine
def choose(typing: Any, condition: Any, yes: Any, no: Any) -> Any:
    """Return `yes` in the lanes where `condition` holds and `no` in the others."""
    return lanes(mask, lanes, lanes), lambda context, builder, sig, args: builder.select(*args)


def _named(name: str) -> Any:
    """Return a function of lanes that LLVM knows by name."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(DOUBLES, [DOUBLES] * len(args))
        function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{WIDTH}f64")
        return builder.call(function, args)

    return emit


@machine
def root(typing: Any, value: Any) -> Any:
    """Return the square root."""
    return lanes(lanes), _named("llvm.sqrt")


@machine
def magnitude(typing: Any, value: Any) -> Any:
    """Return the absolute value."""
    return lanes(lanes), _named("llvm.fabs")


@machine
def larger(typing: Any, left: Any, right: Any) -> Any:
    """Return the larger of two; a NaN on the left gives the right one."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return lanes(lanes, lanes), emit


@machine
def smaller(typing: Any, left: Any, right: Any) -> Any:
    """Return the smaller of two; a NaN on the left gives the right one."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return lanes(lanes, lanes), emit


@machine
def both(typing: Any, left: Any, right: Any) -> Any:
    """Return where both conditions hold."""
    return mask(mask, mask), lambda context, builder, sig, args: builder.and_(*args)


@machine
def either(typing: Any, left: Any, right: Any) -> Any:
    """Return where one of two conditions holds."""
    return mask(mask, mask), lambda context, builder, sig, args: builder.or_(*args)


@machine
def anywhere(typing: Any, condition: Any) -> Any:
    """Return whether `condition` holds in a lane."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        packed = builder.bitcast(args[0], ir.IntType(WIDTH))
        return builder.icmp_unsigned("!=", packed, packed.type(0))

    return types.boolean(mask), emit


def bits(builder: Any, value: Any) -> Any:
    """Emit the bits of doubles as words, or of words as doubles."""
    return builder.bitcast(value, WORDS if value.type == DOUBLES else DOUBLES)


def words(value: int) -> Any:
    """Return a vector with the same 64-bit word in every lane."""
    return ir.Constant(WORDS, [value & (2**64 - 1)] * WIDTH)


@machine
def binary_exponent(typing: Any, value: Any) -> Any:
    """Return the power of two in a positive, normal number, as a number."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        power = builder.sub(builder.lshr(bits(builder, args[0]), words(52)), words(1023))
        return builder.sitofp(power, DOUBLES)

    return lanes(lanes), emit


@machine
def fraction(typing: Any, value: Any) -> Any:
    """Return a positive, normal number over its power of two: from 1 to 2."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kept = builder.and_(bits(builder, args[0]), words(2**52 - 1))
        return bits(builder, builder.or_(kept, words(1023 << 52)))

    return lanes(lanes), emit


@machine
def two_to(typing: Any, power: Any) -> Any:
    """Return two to a whole power between -1022 and 1023."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        whole = builder.add(builder.fptosi(args[0], WORDS), words(1023))
        return bits(builder, builder.shl(whole, words(52)))

    return lanes(lanes), emit


@machine
def call(typing: Any, address: Any, array: Any, time: Any, state: Any, parameters: Any, out: Any) -> Any:
    """Call the generated function at `address` with rows of `array`: `f(t, y, p, out)`."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_DOUBLE] * 4)
        function = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(function, [row_address(context, builder, args[1], row) for row in args[2:]])
        return context.get_dummy_value()

    return types.void(types.intp, _ARRAY, types.intp, types.intp, types.intp, types.intp), emit


@machine
def count_up(typing: Any, array: Any, row: Any) -> Any:
    """Add one to the 64-bit integers of row `row`."""

    def emit(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = builder.bitcast(row_address(context, builder, *args), WORDS.as_pointer())
        builder.store(builder.add(builder.load(pointer, align=_BYTES), words(1)), pointer, align=_BYTES)
        return context.get_dummy_value()

    return types.void(_ARRAY, types.intp), emit
