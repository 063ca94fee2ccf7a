"""Interval arithmetic on arrays: an enclosure of what an operation gives on all numbers of its arguments.

Bounds are rounded outwards by more than any engine's arithmetic errs. Truth values are intervals of 0 and 1.
Bounds of NaN stand for NaN everywhere; `maybe` marks what may be NaN somewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

_EXACT: Final = 2.0**53
"""Whole numbers below it are added and multiplied without rounding."""
_ERROR: Final = 4 * np.finfo(float).eps
"""Relative error, at most, of the functions of any mathematical library."""
_TINY: Final = float(np.finfo(float).tiny)


class Interval(NamedTuple):
    """Enclosures; arrays of one shape, or scalars that stand for all."""

    low: Any
    high: Any
    maybe: Any
    """Whether it may be no number somewhere."""

    @property
    def settled(self) -> Any:
        """Whether only one value is left, NaN for one."""
        return (~np.asarray(self.maybe, bool) & (self.low == self.high)) | np.isnan(self.low)


def exactly(value: Any) -> Interval:
    """Return numbers as intervals of no width."""
    return Interval(value, value, np.False_)


def apply(operation: str, parts: Sequence[Interval]) -> Interval:
    """Return the enclosure of an operation; all numbers, and NaN, of one that is not known."""
    made = _OPERATIONS.get(operation)
    return made(*parts) if made is not None else _anything(*parts)


def _anything(*parts: Interval) -> Interval:
    shape = np.broadcast_shapes(*(np.shape(part.low) for part in parts))
    return Interval(np.full(shape, -np.inf), np.full(shape, np.inf), np.True_)


def _hull(corners: Sequence[Any], parts: Sequence[Interval], error: float = _ERROR) -> Interval:
    """Enclose the values at the corners, rounded outwards; a corner of NaN tells nothing."""
    low, high = corners[0], corners[0]
    for corner in corners[1:]:
        low, high = np.minimum(low, corner), np.maximum(high, corner)
    maybe = np.logical_or.reduce(np.broadcast_arrays(*(part.maybe for part in parts)))
    never = np.logical_or.reduce(np.broadcast_arrays(*(np.isnan(part.low) for part in parts)))
    lost = (np.isnan(low) | np.isnan(high)) & ~never
    if error:
        low, high = low - _margin(low, error), high + _margin(high, error)
    return Interval(np.where(lost, -np.inf, low), np.where(lost, np.inf, high), maybe | lost)


def _margin(bound: Any, error: float) -> Any:
    return np.where(np.isfinite(bound), error * np.abs(bound) + _TINY, 0.0)


def _ring(function: Callable[[Any, Any], Any]) -> Callable[[Interval, Interval], Interval]:
    """Return a sum, difference or product; on whole numbers it is exact."""

    def inner(a: Interval, b: Interval) -> Interval:
        if function is np.add:
            corners = [a.low + b.low, a.high + b.high]
        elif function is np.subtract:
            corners = [a.low - b.high, a.high - b.low]
        else:
            corners = [function(x, y) for x in a[:2] for y in b[:2]]
        rough, exact = _hull(corners, (a, b)), _hull(corners, (a, b), 0.0)
        whole = np.True_
        for bound in (*a[:2], *b[:2], exact.low, exact.high):
            whole = whole & (np.abs(bound) < _EXACT) & (np.floor(bound) == bound)
        return Interval(
            np.where(whole, exact.low, rough.low), np.where(whole, exact.high, rough.high), rough.maybe
        )

    return inner


def _divide(a: Interval, b: Interval) -> Interval:
    across = (b.low <= 0) & (b.high >= 0)
    low, high = np.where(across, 1.0, b.low), np.where(across, 1.0, b.high)
    found = _hull([x / y for x in a[:2] for y in (low, high)], (a, b))
    return Interval(
        np.where(across, -np.inf, found.low), np.where(across, np.inf, found.high), found.maybe | across
    )


def _negative(a: Interval) -> Interval:
    return Interval(-a.high, -a.low, a.maybe)


def _rising(
    function: Callable[[Any], Any], least: float = -np.inf, most: float = np.inf
) -> Callable[[Interval], Interval]:
    """Return a function that only rises, on what of an interval is within its domain."""

    def inner(a: Interval) -> Interval:
        outside = (a.high < least) | (a.low > most)
        partly = ~outside & ((a.low < least) | (a.high > most))
        low, high = (np.clip(np.where(outside, np.nan, bound), least, most) for bound in a[:2])
        part = Interval(low, high, a.maybe)
        found = _hull([function(low), function(high)], (part,))
        return Interval(found.low, found.high, found.maybe | partly)

    return inner


def _wave(crest: float) -> Callable[[Interval], Interval]:
    """Return the cosine of what lies `crest` further back: 1 there and at every turn from there."""
    function = np.cos if crest == 0 else np.sin

    def inner(a: Interval) -> Interval:
        found = _hull([function(bound) for bound in a[:2]], (a,))
        top, bottom = _has(a, crest), _has(a, crest + np.pi)
        endless = ~np.isfinite(a.high - a.low) & ~np.isnan(a.low)
        return Interval(
            np.where(bottom | endless, -1.0, np.maximum(found.low, -1.0)),
            np.where(top | endless, 1.0, np.minimum(found.high, 1.0)),
            found.maybe | endless,
        )

    return inner


def _has(a: Interval, place: float, period: float = 2 * np.pi) -> Any:
    """Return whether there may be a number in the interval that is `place`, but for whole periods."""
    low, high = (a.low - place) / period, (a.high - place) / period
    slack = _ERROR * (1 + np.abs(low) + np.abs(high))
    return np.floor(high + slack) > np.floor(low - slack)


def _tangent(a: Interval) -> Interval:
    found = _hull([np.tan(a.low), np.tan(a.high)], (a,))
    pole = (_has(a, np.pi / 2, np.pi) | ~np.isfinite(a.high - a.low)) & ~np.isnan(a.low)
    return Interval(
        np.where(pole, -np.inf, found.low), np.where(pole, np.inf, found.high), found.maybe | pole
    )


def _size(a: Interval) -> Interval:
    across = (a.low <= 0) & (a.high >= 0)
    low = np.where(across, 0.0, np.minimum(np.abs(a.low), np.abs(a.high)))
    return Interval(low, np.maximum(np.abs(a.low), np.abs(a.high)), a.maybe)


def _even(function: Callable[[Any], Any]) -> Callable[[Interval], Interval]:
    def inner(a: Interval) -> Interval:
        size = _size(a)
        return _hull([function(size.low), function(size.high)], (size,))

    return inner


def _power(a: Interval, b: Interval) -> Interval:
    """Above zero a power is extreme at the corners; below, only whole exponents are known."""
    above = (a.low > 0) & ~np.isnan(b.low)
    low, high = np.where(above, a.low, 1.0), np.where(above, a.high, 1.0)
    found = _hull([np.power(x, y) for x in (low, high) for y in b[:2]], (a, b), 16 * _ERROR)
    whole = ~above & (b.low == b.high) & (np.floor(b.low) == b.low) & (b.low > 0) & ~np.isnan(a.low)
    exponent = np.where(whole, b.low, 1.0)
    size, odd = _size(a), exponent % 2 == 1
    corners = [
        np.power(np.where(odd, bound, own), exponent)
        for bound, own in zip(a[:2], (size.low, size.high), strict=True)
    ]
    by_whole = _hull(corners, (a, b), 16 * _ERROR)
    known = above | whole
    return Interval(
        np.where(known, np.where(above, found.low, by_whole.low), -np.inf),
        np.where(known, np.where(above, found.high, by_whole.high), np.inf),
        found.maybe | ~known,
    )


def _stepped(function: Callable[[Any], Any]) -> Callable[[Interval], Interval]:
    return lambda a: Interval(function(a.low), function(a.high), a.maybe)


def _remainder(a: Interval, b: Interval) -> Interval:
    """Return a − b·trunc(a/b); where the whole part varies, anything as large as b."""
    whole = _stepped(np.trunc)(_divide(a, b))
    even = _ring(np.subtract)(a, _ring(np.multiply)(b, whole))
    most = np.maximum(np.abs(b.low), np.abs(b.high))
    varies = whole.low != whole.high
    return Interval(
        np.where(varies, -most, np.maximum(even.low, -most)),
        np.where(varies, most, np.minimum(even.high, most)),
        even.maybe | whole.maybe,
    )


def _extreme(function: Callable[[Any, Any], Any]) -> Callable[[Interval, Interval], Interval]:
    return lambda a, b: Interval(function(a.low, b.low), function(a.high, b.high), a.maybe | b.maybe)


def _truth(surely: Any, never: Any) -> Interval:
    """Return a truth value that is known where it is sure or ruled out."""
    return Interval(np.where(surely, 1.0, 0.0), np.where(never, 0.0, 1.0), np.False_)


def _compared(strict: bool) -> Callable[[Interval, Interval], Interval]:
    """Return a < b, or a ≤ b: false where one of them is no number."""

    def inner(a: Interval, b: Interval) -> Interval:
        less, more = (a.high < b.low, a.low >= b.high) if strict else (a.high <= b.low, a.low > b.high)
        lost = np.isnan(a.low) | np.isnan(b.low)
        return _truth(less & ~(a.maybe | b.maybe), more | lost)

    return inner


def _equal(a: Interval, b: Interval) -> Interval:
    lost = np.isnan(a.low) | np.isnan(b.low)
    same = a.settled & b.settled & (a.low == b.low)
    return _truth(same & ~lost, (a.high < b.low) | (a.low > b.high) | lost)


def _not(a: Interval) -> Interval:
    return Interval(1.0 - a.high, 1.0 - a.low, a.maybe)


def _either_alone(a: Interval, b: Interval) -> Interval:
    known = (a.low == a.high) & (b.low == b.high)
    return _truth(known & (a.low != b.low), known & (a.low == b.low))


def _select(condition: Interval, then: Interval, other: Interval) -> Interval:
    both = np.minimum(then.low, other.low), np.maximum(then.high, other.high)
    lost = np.isnan(both[0]) | np.isnan(both[1])
    hull = Interval(
        np.where(lost, -np.inf, both[0]), np.where(lost, np.inf, both[1]), then.maybe | other.maybe | lost
    )
    yes, no = condition.low == 1.0, condition.high == 0.0
    low, high, maybe = (
        np.where(yes, first, np.where(no, second, neither))
        for first, second, neither in zip(then, other, hull, strict=True)
    )
    return Interval(low, high, maybe.astype(bool))


_ZERO: Final = exactly(np.float64(0.0))
_OPERATIONS: Final[dict[str, Callable[..., Interval]]] = {
    "true": lambda: exactly(np.float64(1.0)),
    "false": lambda: _ZERO,
    "add": _ring(np.add),
    "sub": _ring(np.subtract),
    "mul": _ring(np.multiply),
    "div": _divide,
    "neg": _negative,
    "pow": _power,
    "sqrt": _rising(np.sqrt, 0.0),
    "exp": _rising(np.exp),
    "log": _rising(np.log, 0.0),
    "log10": _rising(np.log10, 0.0),
    "sin": _wave(np.pi / 2),
    "cos": _wave(0.0),
    "tan": _tangent,
    "asin": _rising(np.arcsin, -1.0, 1.0),
    "acos": lambda a: _negative(_rising(lambda x: -np.arccos(x), -1.0, 1.0)(a)),
    "atan": _rising(np.arctan),
    "sinh": _rising(np.sinh),
    "cosh": _even(np.cosh),
    "tanh": _rising(np.tanh),
    "asinh": _rising(np.arcsinh),
    "acosh": _rising(np.arccosh, 1.0),
    "atanh": _rising(np.arctanh, -1.0, 1.0),
    "abs": _size,
    "floor": _stepped(np.floor),
    "ceil": _stepped(np.ceil),
    "trunc": _stepped(np.trunc),
    "rem": _remainder,
    "min": _extreme(np.minimum),
    "max": _extreme(np.maximum),
    "lt": _compared(strict=True),
    "le": _compared(strict=False),
    "eq": _equal,
    "ne": lambda a, b: _not(_equal(a, b)),
    "and": _extreme(np.minimum),
    "or": _extreme(np.maximum),
    "xor": _either_alone,
    "not": _not,
    "number": lambda a: a,
    "truth": lambda a: _not(_equal(a, _ZERO)),
    "select": _select,
}
