"""The operations of an expression, and their meaning on floats.

Booleans are their own kind: a comparison gives a truth value, `number` makes it 1 or 0 and `truth` the other
way. Every operation is a total function, as in IEEE 754: outside its domain it gives NaN or an infinity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

Number = float | bool

INPUTS: Final = frozenset({"time", "state", "parameter", "draw"})
BOOLEAN: Final = frozenset({"true", "false", "lt", "le", "eq", "ne", "and", "or", "not", "xor", "truth"})
COMMUTATIVE: Final = frozenset({"add", "mul", "eq", "ne", "and", "or", "xor", "min", "max"})
STEPS: Final = frozenset({"floor", "ceil", "trunc"})
"""Numbers that are constant between jumps."""


def _divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf
    except ValueError:
        return math.inf if a == 0 else math.nan


def _guarded(function: Callable[[float], float], overflow: float = math.inf) -> Callable[[float], float]:
    def total(a: float) -> float:
        try:
            return function(a)
        except OverflowError:
            return overflow
        except ValueError:
            return math.nan

    return total


def _log(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda a: -math.inf if a == 0 else _guarded(function)(a)


def _sinh(a: float) -> float:
    return _guarded(math.sinh, math.copysign(math.inf, a))(a)


def _atanh(a: float) -> float:
    return math.copysign(math.inf, a) if abs(a) == 1 else _guarded(math.atanh)(a)


def _remainder(a: float, b: float) -> float:
    return math.nan if b == 0 or math.isinf(a) else math.fmod(a, b)


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda a: math.copysign(float(function(a)), a) if math.isfinite(a) else a


def _gamma1(a: float) -> float:
    """Return the factorial of `a`, by the gamma function where it is no whole number."""
    return _guarded(math.gamma)(a + 1)


def _smaller(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else min(a, b)


def _larger(a: float, b: float) -> float:
    return math.nan if math.isnan(a) or math.isnan(b) else max(a, b)


def _over_base(power: float, base: float, exponent: float) -> float:
    """Return base^(exponent - 1), given `power` = base^exponent."""
    return _power(0.0, exponent - 1) if base == 0 else _divide(power, base)


def _times_log(power: float, base: float) -> float:
    """Return power · ln(base), 0 where the power is."""
    return 0.0 if power == 0 else power * MEANINGS["log"](base)


MEANINGS: Final[dict[str, Callable[..., Number]]] = {
    "true": lambda: True,
    "false": lambda: False,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": _divide,
    "neg": lambda a: -a,
    "pow": _power,
    "power_by_log": lambda a, b, _: _power(a, b),  # the logarithm of |a| is at hand
    "over_base": _over_base,
    "times_log": _times_log,
    "sqrt": _guarded(math.sqrt),
    "exp": _guarded(math.exp),
    "log": _log(math.log),
    "log10": _log(math.log10),
    "sin": _guarded(math.sin),
    "cos": _guarded(math.cos),
    "tan": _guarded(math.tan),
    "asin": _guarded(math.asin),
    "acos": _guarded(math.acos),
    "atan": math.atan,
    "sinh": _sinh,
    "cosh": _guarded(math.cosh),
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": _guarded(math.acosh),
    "atanh": _atanh,
    "abs": abs,
    "floor": _whole(math.floor),
    "ceil": _whole(math.ceil),
    "trunc": _whole(math.trunc),
    "factorial": _gamma1,
    "rem": _remainder,
    "min": _smaller,
    "max": _larger,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b,
    "not": lambda a: not a,
    "number": float,
    "truth": lambda a: a != 0,
    "select": lambda condition, a, b: a if condition else b,
}
