"""A point in a run to come back to: pivots made after it are written over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.state import State, copy
from bioxen.server.engines.metabolic.kernel.tableau import Numbers
from bioxen.server.engines.metabolic.network import Vector


class Point(NamedTuple):
    """What a state holds but for its pivots, which stay where they are, and what is computed anew."""

    head: Numbers
    x: Vector
    low: Vector
    high: Vector
    weights: Vector
    slopes: Vector
    near: Vector
    k: Numbers


def point_of(state: State) -> Point:
    """Return room for a point of `state`."""
    return Point(*(np.zeros_like(getattr(state, name)) for name in Point._fields))


@compiled
def save(s: State, point: Point) -> None:
    """Note where `s` stands."""
    copy(s.head, point.head)
    copy(s.x, point.x)
    copy(s.low, point.low)
    copy(s.high, point.high)
    copy(s.weights, point.weights)
    copy(s.slopes, point.slopes)
    copy(s.near, point.near)
    copy(s.k, point.k)


@compiled
def restore(s: State, point: Point) -> None:
    """Go back there."""
    copy(point.head, s.head)
    copy(point.x, s.x)
    copy(point.low, s.low)
    copy(point.high, s.high)
    copy(point.weights, s.weights)
    copy(point.slopes, s.slopes)
    copy(point.near, s.near)
    copy(point.k, s.k)
