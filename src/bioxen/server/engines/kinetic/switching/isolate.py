"""The times at which conditions on the time switch, each between two times at which nothing switches.

Stretches of time are cut until interval arithmetic shows that nothing switches in them: every outcome is the
same all over the stretch, or its level only rises or only falls and the outcome is the same at both ends.
What is left when arithmetic resolves no more holds a switch, or a level that touches its threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.switching.conditions import Condition, Conditions
from bioxen.server.engines.kinetic.switching.intervals import Interval

Floats = NDArray[np.float64]

MOST = 10_000
"""Switches in one simulation, at most."""
_STRETCHES = 4 * MOST
"""Stretches that are left to be cut, at most."""
_AT_FIRST, _PIECES = 128, 8
_AT_ONCE = 4096
_RESOLUTION = 4 * np.finfo(float).eps
"""Width of a stretch, as a share of its time, that is not cut any more."""
_FROM_ZERO = 0.1
"""Share of the whole time that counts as the time of a stretch near time zero."""
_APART = 4
"""Stretches that are closer than so many of their own widths hold one switch, blurred by rounding."""
_WIDEST = 1e-4
"""Share of the whole time that may stay unresolved around one switch."""


class TooManySwitches(Exception):  # noqa: N818 - an outcome, never seen outside this engine
    """The switches are too many, or lie too close for arithmetic to tell them apart; the text says which."""


def switching_times(
    conditions: Conditions, parameters: Sequence[float] | Floats, start: float, end: float
) -> Floats:
    """Return when conditions switch, in order: switches × (the last time before, the first time after).

    Raises:
        TooManySwitches: more than `MOST`, or they cannot be told apart.
    """
    if not conditions or not end > start:
        return np.empty((0, 2))
    edges = np.linspace(start, end, _AT_FIRST + 1)
    waiting = np.column_stack([edges[:-1], edges[1:]])
    found: list[Floats] = []
    while len(waiting):
        parts = [
            _left(conditions, parameters, waiting[first : first + _AT_ONCE], _FROM_ZERO * (end - start))
            for first in range(0, len(waiting), _AT_ONCE)
        ]
        found += [ended for ended, _ in parts]
        left = np.concatenate([going for _, going in parts])
        if len(left) > _STRETCHES:
            raise TooManySwitches(f"the time alone switches it more than {MOST} times, or nearly does")
        waiting = _cut(left)
    return _merged(np.concatenate(found), end - start)


def _left(conditions: Conditions, parameters: Any, stretches: Floats, least: float) -> tuple[Floats, Floats]:
    """Return the stretches in which something may switch: those that are cut no more, and the others."""
    count = len(stretches)
    low, high = stretches.T
    middle = low + (high - low) / 2
    points = np.concatenate([middle, low, high])
    with np.errstate(all="ignore"):
        enclosed = conditions.enclose(
            np.concatenate([low, points]), np.concatenate([high, points]), parameters
        )
        views = {node: _views(interval, count) for node, interval in enclosed.items()}
        undecided, ended = np.zeros(count, bool), np.ones(count, bool)
        for one in conditions.found:
            open_here = ~_decided(one, views)
            undecided |= open_here
            ended &= ~open_here | _is_flat(*views[one.level][:2])
    ended |= high - low <= _RESOLUTION * np.maximum(np.maximum(np.abs(low), np.abs(high)), least)
    ended |= (middle <= low) | (middle >= high)
    return stretches[undecided & ended], stretches[undecided & ~ended]


def _views(interval: Interval, count: int) -> list[Interval]:
    """Return what holds over the stretches, in their middles, at their lower and at their upper ends."""
    wide = [np.broadcast_to(part, 4 * count).reshape(4, count) for part in interval]
    return [Interval(*(part[index] for part in wide)) for index in range(4)]


def _decided(one: Condition, views: dict[int, list[Interval]]) -> Any:
    """Return whether the condition switches nowhere in each stretch."""
    over, _, lower, upper = views[one.outcome]
    decided = over.settled
    if one.slope is None or one.passes:
        return decided
    slope = views[one.slope][0]
    steady = ((slope.low >= 0) | (slope.high <= 0)) & ~slope.maybe
    for inner in one.within:
        steady = steady & views[inner][0].settled
    return decided | (steady & lower.settled & upper.settled & (lower.low == upper.low))


def _is_flat(over: Interval, middle: Interval) -> Any:
    """Return whether a level varies over each stretch by no more than arithmetic errs in its middle."""
    width = over.high - over.low
    return np.isfinite(width) & (width <= 2 * (middle.high - middle.low))


def _cut(stretches: Floats) -> Floats:
    low, high = stretches[:, :1], stretches[:, 1:]
    edges = low + (high - low) * (np.arange(_PIECES + 1) / _PIECES)
    edges[:, -1:] = high
    pieces = np.stack([edges[:, :-1], edges[:, 1:]], axis=-1).reshape(-1, 2)
    return pieces[pieces[:, 1] > pieces[:, 0]]


def _merged(stretches: Floats, span: float) -> Floats:
    """Return neighbouring stretches as one: they hold the same switch."""
    merged = stretches[np.argsort(stretches[:, 0], kind="stable")]
    count = -1
    while len(merged) != count:
        count = len(merged)
        wide = _APART * (merged[:, 1] - merged[:, 0])
        apart = merged[1:, 0] - merged[:-1, 1] > np.maximum(wide[1:], wide[:-1])
        first = np.flatnonzero(np.concatenate([[True], apart])[:count])
        merged = (
            np.column_stack([merged[first, 0], np.maximum.reduceat(merged[:, 1], first)]) if count else merged
        )
    if not count:
        return np.empty((0, 2))
    if len(merged) > MOST:
        raise TooManySwitches(f"the time alone switches it more than {MOST} times")
    widest = merged[np.argmax(merged[:, 1] - merged[:, 0])]
    if widest[1] - widest[0] > _WIDEST * span:
        raise TooManySwitches(
            f"what the time alone switches between {widest[0]:g} and {widest[1]:g} cannot be told apart"
        )
    return merged
