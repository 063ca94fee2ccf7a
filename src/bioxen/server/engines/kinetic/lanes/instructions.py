"""The instructions of one operation on values that are at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from bioxen.server.engines.kinetic.lanes.block import Block, Value, splat
from bioxen.server.engines.kinetic.lanes.library import FUNCTIONS

_LONGEST_PRODUCT: Final = 32
"""Constant whole exponents up to this are products."""
_COMPARISONS: Final = {"lt": "olt", "le": "ole", "eq": "oeq", "ne": "une"}
_ARITHMETIC: Final = frozenset({"add", "sub", "mul", "div", "neg"})
_OWN: Final = {"exp": 30, "log": 30, "pow": 100, "power_by_log": 45, "times_log": 30}
"""Operations that call functions of our own, and the instructions of each."""
_NATIVE: Final = {
    "sqrt": "sqrt",
    "abs": "fabs",
    "floor": "floor",
    "ceil": "ceil",
    "trunc": "trunc",
    "min": "minimum",
    "max": "maximum",
}
_LIBRARY: Final = {
    **{name: name for name in ("log10", "sin", "cos", "tan", "asin", "acos", "atan")},
    **{name: name for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")},
    "rem": "fmod",
}


def cost(operation: str, width: int, inline: bool) -> int:
    """Return about how many instructions an operation is."""
    if needs_library(operation):
        return 3 * width
    return _OWN.get(operation, 1) if inline else 1


def is_product(exponent: float | None) -> bool:
    """Whether a power with this constant exponent, if it is one, is computed by multiplications."""
    return exponent is not None and exponent % 1 == 0 and abs(exponent) <= _LONGEST_PRODUCT


def is_own(operation: str) -> bool:
    """Whether the operation is a function of our own, which may be called or written out."""
    return operation in _OWN


def needs_library(operation: str) -> bool:
    """Whether the operation calls the C library, which a GPU has not."""
    return operation in _LIBRARY or operation == "factorial"


def truth(block: Block, operation: str, values: list[Value]) -> Value:
    """Return the truth value of `operation`."""
    if operation in {"true", "false"}:
        return f"splat (i1 {operation})"
    if operation == "truth":
        return block.compare("une", values[0], splat(0.0))
    if operation == "not":
        return block.logic("xor", values[0], "splat (i1 true)")
    if operation in _COMPARISONS:
        return block.compare(_COMPARISONS[operation], *values)
    return block.logic(operation, *values)


def number(
    block: Block, operation: str, values: list[Value], constants: Sequence[float | None] = (None, None)
) -> Value:
    """Return the number that `operation` gives; `constants` are the values of a power's constant parts."""
    if operation in _ARITHMETIC:
        result: Value = getattr(block, operation)(*values)
        return result
    if operation in _NATIVE:
        return block.intrinsic(_NATIVE[operation], *values)
    if operation in _LIBRARY:
        return block.by_lane(_LIBRARY[operation], *values)
    if operation in {"exp", "log"}:
        return _own(block, operation, *values)
    if operation in {"pow", "power_by_log"}:
        return (_power if operation == "pow" else _power_by_log)(block, values, *constants[:2])
    return _composed(block, operation, values)


def _own(block: Block, name: str, *values: Value) -> Value:
    return FUNCTIONS[name][0](block, *values) if block.inline else block.call(name, *values)


def _composed(block: Block, operation: str, values: list[Value]) -> Value:
    zero = splat(0.0)
    if operation in {"select", "number"}:
        return block.select(*values, *([splat(1.0), zero] if operation == "number" else []))
    if operation == "factorial":
        return block.by_lane("tgamma", block.add(values[0], splat(1.0)))
    if operation == "over_base":
        power, base, exponent = values
        at_zero = _zero_to_one_less(block, exponent)
        return block.select(block.compare("oeq", base, zero), at_zero, block.div(power, base))
    power, base = values  # times_log
    product = block.mul(power, _own(block, "log", base))
    return block.select(block.compare("oeq", power, zero), zero, product)


def _zero_to_one_less(block: Block, exponent: Value) -> Value:
    """Return 0^(exponent - 1)."""
    one = splat(1.0)
    value = block.select(block.compare("olt", exponent, one), splat(math.inf), splat(math.nan))
    value = block.select(block.compare("ogt", exponent, one), splat(0.0), value)
    return block.select(block.compare("oeq", exponent, one), one, value)


def _power(block: Block, values: list[Value], _: float | None, exponent: float | None) -> Value:
    if exponent is None or not is_product(exponent):
        return _own(block, "pow", *values)
    result = _product(block, values[0], int(abs(exponent)))
    return result if exponent > 0 else block.div(splat(1.0), result)


def _power_by_log(block: Block, values: list[Value], base: float | None, exponent: float | None) -> Value:
    if base is not None and base > 0:
        return _own(block, "exp", block.mul(values[1], values[2]))
    if exponent is not None and exponent % 1:
        result = _own(block, "exp", block.mul(values[1], values[2]))
        return block.select(block.compare("olt", values[0], splat(0.0)), splat(math.nan), result)
    return _own(block, "power_by_log", *values)


def _product(block: Block, base: Value, count: int) -> Value:
    """Return base^count by squaring."""
    result: Value | None = None
    square = base
    while True:
        if count % 2:
            result = square if result is None else block.mul(result, square)
        count //= 2
        if count == 0:
            return result or square
        square = block.mul(square, square)
