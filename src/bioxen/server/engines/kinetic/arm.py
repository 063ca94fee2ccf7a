"""A branch of steady states followed in one direction, with the special points on the way."""

from __future__ import annotations

from collections.abc import Callable, Container

import numpy as np

from bioxen.protocol.kinetic import ContinuationRequest
from bioxen.protocol.kinetic.continuation import Ended, SpecialKind
from bioxen.server.engines import progress
from bioxen.server.engines.kinetic.curve import Curve, Lost, Place

_SHORTEST = 1e-7
_EASY, _HARD = 3, 6
"""Newton corrections up to which steps grow, and from which they shrink."""
_STANDS = 1e-6
"""Share of the range below which a step hardly moves the parameter."""
_FAR = 1e3
"""How many times the largest value at the start a state is at least that runs away."""
_AWAY = 5
"""Steps in a row that grow while the parameter stands; about a fold there are no more than one or two."""
_BISECTIONS = 40
_FLAT = 1e-6
"""Imaginary part, as a share of the largest eigenvalue, from which a pair is complex."""


class Arm:
    """The branch in one direction from its start."""

    def __init__(
        self, request: ContinuationRequest, curve: Curve, start: Place, species: Container[str]
    ) -> None:
        """Begin at `start`; only `species` end the branch where they fall below zero."""
        self._curve = curve
        self._most = request.max_points
        self._longest = request.largest_step
        named = np.array([name in species for name in curve.space.names], dtype=bool)
        self._nonnegative = named & (start.state >= 0)
        self.places = [start]
        self.special: list[tuple[int, SpecialKind, Place]] = []
        self.ended: Ended = "points"
        self._away = 0

    def follow(self) -> None:
        """Go on until something ends the branch."""
        length = self._longest / 4
        while len(self.places) < self._most:
            here = self.places[-1]
            progress.tell(self._covered(here), 1.0, "branch")
            try:
                there = self._curve.step(here, length)
            except Lost:
                length /= 2
                if length < _SHORTEST:
                    self.ended = "stuck"
                    return
                continue
            if not self._curve.low <= there.q <= self._curve.high:
                self._finish(here, there)
                return
            if self._is_negative(there):
                self.ended = "negative"
                return
            self._note(here, there, length)
            if self._runs_away(here, there):
                self.ended = "unbounded"
                return
            if self._is_back(there, length):
                self.ended = "closed"
                return
            length = self._next(length, there.corrections)

    def _covered(self, here: Place) -> float:
        """Return how far the range or the points are used up, whichever is more; a fold takes some back."""
        start, curve = self.places[0], self._curve
        limit = curve.high if start.forward[-1] > 0 else curve.low
        way = (here.q - start.q) / (limit - start.q) if limit != start.q else 1.0
        return max(len(self.places) / self._most, way)

    def _next(self, length: float, corrections: int) -> float:
        if corrections <= _EASY:
            return min(length * 1.5, self._longest)
        return length / 1.5 if corrections >= _HARD else length

    def _finish(self, here: Place, there: Place) -> None:
        """End exactly at the end of the range."""
        self.ended = "range"
        limit = self._curve.low if there.q < self._curve.low else self._curve.high
        if here.q == limit:
            return
        try:
            last = self._curve.at(here, limit)
        except Lost:
            return
        if not self._is_negative(last):
            self._note(here, last, self._curve.distance(here, last))

    def _is_negative(self, place: Place) -> bool:
        floor = -1e-9 * _size(place)
        return bool((place.state[self._nonnegative] < floor).any())

    def _runs_away(self, here: Place, there: Place) -> bool:
        """Whether the state grows without limit towards a value of the parameter, as 1/k does towards 0.

        Further on the parameter's moves are less than what a point is known to.
        """
        curve = self._curve
        begun, before, after = (_size(place) for place in (self.places[0], here, there))
        stands = abs(there.q - here.q) <= _STANDS * (curve.high - curve.low)
        self._away = self._away + 1 if stands and before < after and after >= _FAR * begun else 0
        return self._away >= _AWAY

    def _is_back(self, place: Place, length: float) -> bool:
        return len(self.places) > 10 and self._curve.distance(place, self.places[0]) < length / 2

    def _note(self, here: Place, there: Place, length: float) -> None:
        turned = here.forward[-1] * there.forward[-1] < 0
        changed = there.unstable - here.unstable
        if turned:
            self._add("fold", here, length, lambda place: place.forward[-1] * here.forward[-1] > 0)
        elif changed:
            self._add(None, here, length, lambda place: place.unstable == here.unstable)
        self.places.append(there)

    def _add(
        self, kind: SpecialKind | None, here: Place, length: float, before: Callable[[Place], bool]
    ) -> None:
        """Find by bisection where `before` ceases to hold, and note it."""
        low, high, found = 0.0, length, here
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            try:
                place = self._curve.step(here, middle)
            except Lost:
                break
            if before(place):
                low, found = middle, place
            else:
                high = middle
        if kind == "fold" and self._curve.is_crossed(found):
            kind = "branch_point"  # the branch ends in the middle of another one, as at a pitchfork
        self.special.append((len(self.places) - 1, kind or _kind(found), found))


def _size(place: Place) -> float:
    return float(np.abs(place.state).max(initial=0.0))


def critical(place: Place) -> complex:
    """Return the eigenvalue nearest to the imaginary axis."""
    return complex(place.eigenvalues[np.argmin(np.abs(place.eigenvalues.real))])


def _kind(place: Place) -> SpecialKind:
    """Return what crosses the imaginary axis there: a complex pair or a real eigenvalue."""
    largest = float(np.abs(place.eigenvalues).max())
    return "hopf" if abs(critical(place).imag) > _FLAT * largest else "branch_point"
