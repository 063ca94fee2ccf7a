"""Steady states along one parameter as a curve, followed by pseudo-arclength.

A point is the state x and the place q of the parameter on its scale. The curve UᵀF(x, q) = 0 is followed by
steps along its tangent, each corrected by Newton's method in the plane across the tangent, so that a fold is
nothing special. Lengths are relative: a variable's change to its own size, the parameter's to its range.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bioxen.server.engines.kinetic.runner import Matrix, Runner, SolverFailure
from bioxen.server.engines.kinetic.statespace import StateSpace

_STEP = np.finfo(float).eps ** (1 / 3)
_CONVERGED = 1e-9
_MAX_CORRECTIONS = 10
_SMALL = 1e-3
"""Share of the largest variable below which a variable's size does not count."""
_CROSSED = 1e-4
"""Smallest singular value of the derivatives, as a share of the largest, at a crossing of branches."""
_PASSING = 0.1
"""Share of a variable's own largest value on the curve that it counts as where it passes through zero."""
_ZERO = 1e-8
"""Eigenvalues below this share of the largest are zero within rounding."""


@dataclass(frozen=True, slots=True)
class Place:
    """One point of the curve with its direction and its eigenvalues."""

    state: Matrix
    q: float
    forward: Matrix
    """Unit tangent: the reduced directions, then the parameter's."""
    eigenvalues: Matrix
    corrections: int

    @property
    def unstable(self) -> int:
        """How many eigenvalues have a positive real part, within rounding."""
        zero = _ZERO * float(np.abs(self.eigenvalues).max(initial=0.0))
        return int((self.eigenvalues.real > zero).sum())


class Lost(Exception):  # noqa: N818 - an outcome, never seen outside the continuation
    """No point of the curve was found there."""


class Curve:
    """The steady states of a prepared runner over one parameter."""

    def __init__(
        self, runner: Runner, space: StateSpace, parameter: str, limits: tuple[float, float], log: bool
    ) -> None:
        self._runner = runner
        self.space = space
        self._parameter = parameter
        self._log = log
        self.low, self.high = (math.log(limits[0]), math.log(limits[1])) if log else limits
        self._range = self.high - self.low
        self._largest = np.zeros(len(space.names))

    def q_of(self, value: float) -> float:
        """Return where a value of the parameter lies on its scale."""
        return math.log(value) if self._log else value

    def value(self, q: float) -> float:
        """Return the parameter's value."""
        return math.exp(q) if self._log else q

    def write(self, state: Matrix, q: float) -> None:
        """Bring the runner there."""
        self._runner.set(self._parameter, self.value(q))
        self.space.write(state)

    def start(self, state: Matrix, q: float, direction: int) -> Place:
        """Return the point at `q` nearest to `state`, looking along the parameter.

        Raises:
            Lost: there is none.
        """
        along = np.zeros(self.space.basis.shape[1] + 1)
        along[-1] = direction * self._range
        return self._corrected(state, q, along, along)

    def step(self, place: Place, length: float) -> Place:
        """Return the point of the curve at about `length` from `place`.

        Raises:
            Lost: Newton's method finds none, or the curve bends too much in between.
        """
        move = length * place.forward
        state = place.state + self.space.basis @ move[:-1]
        found = self._corrected(state, place.q + move[-1], place.forward, place.forward)
        if self._cosine(place, found) < 0.9:
            raise Lost
        return found

    def at(self, place: Place, q: float) -> Place:
        """Return the point at exactly `q`, near `place`.

        Raises:
            Lost: there is none.
        """
        along = np.zeros_like(place.forward)
        along[-1] = 1.0
        return self._corrected(place.state, q, along, place.forward)

    def distance(self, one: Place, other: Place) -> float:
        """Return how far apart two points are."""
        weights = self._weights(one.state)
        away = float(np.mean((weights * (one.state - other.state)) ** 2)) if weights.size else 0.0
        return math.sqrt(away + ((one.q - other.q) / self._range) ** 2)

    def is_crossed(self, place: Place) -> bool:
        """Whether another branch crosses there: then the curve has more than one direction to go on in."""
        _, slopes = self._linearised(place.state, place.q)
        weights = self._weights(place.state)
        reach = np.sqrt(((self.space.basis / weights[:, None]) ** 2).sum(axis=0))
        slopes = slopes * np.append(np.maximum(reach, np.finfo(float).tiny), self._range)
        singular = np.linalg.svd(_balanced(slopes)[0], compute_uv=False)
        return bool(singular[-1] < _CROSSED * singular[0])

    def _cosine(self, one: Place, other: Place) -> float:
        metric = self._metric(one.state)
        lengths = math.sqrt(one.forward @ metric @ one.forward) * math.sqrt(
            other.forward @ metric @ other.forward
        )
        return float(one.forward @ metric @ other.forward) / lengths

    def _weights(self, state: Matrix) -> Matrix:
        sizes = np.abs(state)
        usual = np.maximum(_PASSING * self._largest, _SMALL * (sizes.max(initial=0.0) or 1.0))
        return 1.0 / np.maximum(sizes, usual)

    def _metric(self, state: Matrix) -> Matrix:
        """Return the matrix of the relative length in reduced coordinates."""
        basis = self._weights(state)[:, None] * self.space.basis / math.sqrt(max(state.size, 1))
        size = basis.shape[1] + 1
        metric = np.zeros((size, size))
        metric[:-1, :-1] = basis.T @ basis
        metric[-1, -1] = self._range**-2
        return metric

    def _linearised(self, state: Matrix, q: float) -> tuple[Matrix, Matrix]:
        """Return UᵀF and its derivatives with respect to the reduced state and the parameter."""
        basis = self.space.basis
        step = _STEP * max(abs(q), 1e-3 * self._range)
        ends = []
        for moved in (q + step, q - step):
            self._runner.set(self._parameter, self.value(moved))
            ends.append(self.space.rates(state))
        self.write(state, q)
        rates = basis.T @ self.space.rates(state)
        by_parameter = basis.T @ (ends[0] - ends[1]) / (2 * step)
        return rates, np.column_stack([self.space.reduced_jacobian(state), by_parameter])

    def _corrected(self, state: Matrix, q: float, across: Matrix, forward: Matrix) -> Place:
        """Return the point of the curve in the plane through (state, q) across a direction."""
        try:
            return self._newton(state, q, across, forward)
        except (np.linalg.LinAlgError, SolverFailure, OverflowError) as failure:
            raise Lost from failure

    def _newton(self, state: Matrix, q: float, across: Matrix, forward: Matrix) -> Place:
        for count in range(1, _MAX_CORRECTIONS + 1):
            metric = self._metric(state)
            rates, slopes = self._linearised(state, q)
            bordered, scale = _balanced(np.vstack([slopes, across @ metric]))
            move = np.linalg.solve(bordered, scale * np.append(-rates, 0.0))
            if not np.isfinite(move).all():
                raise Lost
            state, q = state + self.space.basis @ move[:-1], q + move[-1]
            if math.sqrt(move @ metric @ move) <= _CONVERGED:
                return self._place(state, q, forward, count)
        raise Lost

    def _place(self, state: Matrix, q: float, forward: Matrix, corrections: int) -> Place:
        _, slopes = self._linearised(state, q)
        metric = self._metric(state)
        bordered, scale = _balanced(np.vstack([slopes, forward @ metric]))
        ahead = np.zeros(len(forward))
        ahead[-1] = scale[-1]
        tangent = np.linalg.solve(bordered, ahead)
        tangent /= math.sqrt(tangent @ metric @ tangent)
        self._largest = np.maximum(self._largest, np.abs(state))
        eigenvalues = np.linalg.eigvals(slopes[:, :-1]).astype(complex)
        return Place(
            state,
            float(q),
            np.asarray(tangent, dtype=float),
            eigenvalues[np.argsort(-eigenvalues.real)],
            corrections,
        )


def _balanced(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Return the matrix with rows of size 1, and what the right-hand side is to be multiplied by."""
    sizes = np.abs(matrix).max(axis=1)
    scale = 1.0 / np.where(sizes > 0, sizes, 1.0)
    return matrix * scale[:, None], scale
