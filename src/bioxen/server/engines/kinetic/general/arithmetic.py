"""Arithmetic as C has it: where Python raises or turns complex, the result is an infinity or NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

AVOGADRO = 6.02214179e23
"""The value that SBML Level 3 fixes for its csymbol."""


def divide(a: float, b: float) -> float:
    """Return a/b; by zero an infinity of the right sign, or NaN."""
    try:
        return a / b
    except ZeroDivisionError:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


def power(a: float, b: float) -> float:
    """Return a to the power of b; NaN where it is not real."""
    try:
        return math.pow(a, b)
    except ValueError:
        return math.inf if a == 0 else math.nan
    except OverflowError:
        return -math.inf if a < 0 and b % 2 == 1 else math.inf


def root(degree: float, a: float) -> float:
    """Return the real root; of an odd degree also below zero."""
    if a < 0 and degree % 2 == 1:
        return -power(-a, divide(1.0, degree))
    return power(a, divide(1.0, degree))


def logarithm(base: float, a: float) -> float:
    """Return the logarithm to any base."""
    return log10(a) if base == 10 else divide(log(a), log(base))


def quotient(a: float, b: float) -> float:
    """Return the whole part of a/b, towards zero."""
    return whole(math.trunc, divide(a, b))


def remainder(a: float, b: float) -> float:
    """Return what `quotient` leaves."""
    return a - b * quotient(a, b)


def whole(function: Callable[[float], int], a: float) -> float:
    """Return `function` of a as a float; what is not finite stays."""
    return float(function(a)) if math.isfinite(a) else a


def factorial(a: float) -> float:
    """Return a! by the gamma function."""
    return guarded(lambda x: math.gamma(x + 1))(a)


def guarded(function: Callable[[float], float]) -> Callable[[float], float]:
    """Return `function` with NaN outside of its domain and infinity past the largest number."""

    def inner(a: float) -> float:
        try:
            return function(a)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return inner


def log(a: float) -> float:
    """Return the natural logarithm; of zero −∞."""
    return math.log(a) if a > 0 else -math.inf if a == 0 else math.nan


def log10(a: float) -> float:
    """Return the logarithm to base 10; of zero −∞."""
    return math.log10(a) if a > 0 else -math.inf if a == 0 else math.nan


def sinh(a: float) -> float:
    """Return the hyperbolic sine; past the largest number an infinity of the right sign."""
    return math.copysign(guarded(math.sinh)(abs(a)), a)


def over(function: Callable[[float], float]) -> Callable[[float], float]:
    """Return 1/`function`."""
    return lambda a: divide(1.0, function(a))


def of_inverse(function: Callable[[float], float]) -> Callable[[float], float]:
    """Return `function` of 1/a."""
    return lambda a: function(divide(1.0, a))


def coth_inverse(a: float) -> float:
    """Return the inverse hyperbolic cotangent; infinite at ±1."""
    return math.copysign(math.inf, a) if abs(a) == 1 else guarded(math.atanh)(divide(1.0, a))


def cot_inverse(a: float) -> float:
    """Return the inverse cotangent."""
    return math.atan(divide(1.0, a))


_SINE, _COSINE, _TANGENT = guarded(math.sin), guarded(math.cos), guarded(math.tan)
NAMES: dict[str, Any] = {
    "divide": divide,
    "power": power,
    "root": root,
    "logarithm": logarithm,
    "quotient": quotient,
    "remainder": remainder,
    "factorial": factorial,
    "whole": whole,
    "floor": math.floor,
    "ceil": math.ceil,
    "nan": math.nan,
    "inf": math.inf,
    "exp": guarded(math.exp),
    "ln": log,
    "sin": _SINE,
    "cos": _COSINE,
    "tan": _TANGENT,
    "sec": over(_COSINE),
    "csc": over(_SINE),
    "cot": over(_TANGENT),
    "sinh": sinh,
    "cosh": guarded(math.cosh),
    "tanh": math.tanh,
    "sech": over(guarded(math.cosh)),
    "csch": over(sinh),
    "coth": over(math.tanh),
    "arcsin": guarded(math.asin),
    "arccos": guarded(math.acos),
    "arctan": math.atan,
    "arcsec": of_inverse(guarded(math.acos)),
    "arccsc": of_inverse(guarded(math.asin)),
    "arccot": cot_inverse,
    "arcsinh": math.asinh,
    "arccosh": guarded(math.acosh),
    "arctanh": guarded(math.atanh),
    "arcsech": of_inverse(guarded(math.acosh)),
    "arccsch": of_inverse(math.asinh),
    "arccoth": coth_inverse,
}
"""What generated formulas may name."""
