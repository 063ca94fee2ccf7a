"""What was: the solution of the past, for delays."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Dense = Callable[[float], Any]


@dataclass(frozen=True, slots=True)
class Segment:
    """One integrated step."""

    start: float
    dense: Dense
    """Time → state."""
    values: list[float]
    """Every value at its start: what is discrete does not change within it."""
    unknowns: Any
    """The implicit unknowns at its start: a first guess for those within."""


class History:
    """The segments of one trajectory, in order."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._starts: list[float] = []

    def add(self, segment: Segment) -> None:
        """Append what follows on the last segment."""
        self._segments.append(segment)
        self._starts.append(segment.start)

    def at(self, time: float) -> Segment:
        """Return the segment that holds `time`; at a jump the one after it."""
        return self._segments[max(0, bisect_right(self._starts, time) - 1)]

    def __bool__(self) -> bool:
        return bool(self._segments)
