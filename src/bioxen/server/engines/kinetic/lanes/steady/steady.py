"""Steady states of an ensemble: Newton's method with the analytic Jacobian, else integration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic.lanes.ode.integrate import integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.lanes.steady.moieties import Moieties, moieties

Floats = NDArray[np.float64]

STATUS = ("ok", "none found")
"""What the numbers in `SteadyStates.status` mean."""

_STEPS = 50
_CONVERGED = 1e-10
"""Largest last Newton step, relative to each state's size."""
_SMALL = 1e-9
"""Sizes below this share of a member's largest state count as this share."""
_ZERO = 1e-9
"""Eigenvalues below this share of the largest are zero within rounding."""
_HALVINGS = 12
_TINY = 1e-7
_TOWARDS_ZERO = 0.95
_MAX_STEPS = 20_000
_WINDOW = 400
_DECADES = 10.0 ** np.arange(0, 9)
_SAME = 1e-2
_STILL = 1e-6


@dataclass(frozen=True)
class SteadyStates:
    """The steady states of an ensemble."""

    states: Floats
    """[members][states]; NaN where none was found."""
    residual: Floats
    """[members]: the largest remaining rate of change of a state."""
    status: NDArray[np.int8]
    """[members]; see `STATUS`."""
    settled_at: Floats
    """[members]: the time after which an integration stood still; NaN where Newton's method did it alone."""
    eigenvalues: NDArray[np.complex128]
    """[members][free states], of the Jacobian without conserved directions; largest real part first."""
    stable: NDArray[np.int8]
    """[members]: 1 stable, 0 unstable, -1 undecided (an eigenvalue is zero within rounding)."""


def steady_states(
    program: LaneProgram,
    states: ArrayLike,
    parameters: ArrayLike,
    *,
    approach: Literal["newton", "integration"] = "newton",
    rtol: float = 1e-8,
    atol: float = 1e-12,
) -> SteadyStates:
    """Return the steady state of each member that has the conserved totals of its given state.

    `newton` starts at the given state, and keeps what it finds where that is stable and nothing is negative;
    else, and with `integration` from the start, the model is integrated over growing decades of time, and
    Newton's method sharpens where it stands still. In a model with several stable states only `integration`
    is sure to find the one that the given state leads to.

    Args:
        program: the model; it must not depend on the time itself.
        states: [members][states]
        parameters: [members][parameters]
        approach: what is tried first.
        rtol: relative tolerance of the integration.
        atol: its absolute tolerance.

    Raises:
        ValidationError: the model depends on the time itself or has events.
    """
    if program.event_count or program.time_rate or program.moment_count or program.jumps_unpredictably:
        raise ValidationError(
            "The model has events or rates that depend on the time, so no state of it is steady.",
            details={"place": "process_code", "remedy": "Use kinetic_ode, or hold the input constant."},
        )
    y, p = np.array(states, np.float64), np.ascontiguousarray(parameters, np.float64)
    space = _Space(program)
    found = np.full(y.shape, np.nan)
    settled = np.full(len(y), np.nan)
    status = np.ones(len(y), np.int8)
    if approach == "newton":
        root, good = space.newton(y, p)
        good &= space.non_negative(root, y)
        good[good] &= space.stability(space.eigenvalues(root[good], p[good])) == 1
        found[good], status[good] = root[good], 0
    left = np.flatnonzero(status)
    if left.size:
        roots, times, good = _Lead(program, space, rtol, atol).find(y[left], p[left])
        found[left[good]], status[left[good]], settled[left] = roots[good], 0, times
    done = status == 0
    eigenvalues = np.full((len(y), space.moieties.free.size), np.nan + 0j)
    eigenvalues[done] = space.eigenvalues(found[done], p[done])
    residual = np.full(len(y), np.nan)
    residual[done] = np.abs(space.rates(found[done], p[done])).max(axis=1, initial=0.0)
    stable = np.full(len(y), -1, np.int8)
    stable[done] = space.stability(eigenvalues[done])
    return SteadyStates(found, residual, status, settled, eigenvalues, stable)


@dataclass(frozen=True)
class _Lead:
    """Integration towards a steady state."""

    program: LaneProgram
    space: _Space
    rtol: float
    atol: float

    def find(self, start: Floats, p: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return the steady states of members, when each stood still, and which were found."""
        found, settled = start.copy(), np.full(len(start), np.nan)
        state, reached_at = start.copy(), np.zeros(len(start))
        good = np.zeros(len(start), np.bool_)
        going = np.ones(len(start), np.bool_)
        before = 0.0
        for time in map(float, _DECADES):
            members = np.flatnonzero(going)
            if not members.size:
                break
            reached, ok = self._run(state[members], p[members], before, np.array([time]))
            still = ok & (self.space.distance(state[members], reached[:, -1]) <= _STILL)
            sharp, root = self.space.newton(reached[:, -1], p[members])
            root &= still & (self.space.distance(reached[:, -1], sharp) <= _SAME)
            found[members[root]], settled[members[root]], good[members[root]] = sharp[root], time, True
            state[members[ok]], reached_at[members[ok]] = reached[ok, -1], time
            going[members[root | ~ok]] = False
            before = time
        return self._without(start, p, state, reached_at, found, good), settled, good

    def _without(
        self, start: Floats, p: Floats, state: Floats, time: Floats, found: Floats, good: NDArray[np.bool_]
    ) -> Floats:
        """Try Newton's method for members that never stand still: from mean, last and first states.

        What oscillates goes round a steady state, so its mean lies near it.
        """
        left = np.flatnonzero(~good)
        if not left.size:
            return found
        mean = np.full(state.shape, np.nan)
        for begin in map(float, np.unique(time[left])):
            here = left[time[left] == begin]
            window = begin + np.linspace(0, max(begin, 1.0), _WINDOW)
            course, ok = self._run(state[here], p[here], begin, window)
            mean[here[ok]] = course[ok].mean(axis=1)
        for guess in (mean, state, start):
            sharp, root = self.space.newton(guess[left], p[left])
            root &= self.space.non_negative(sharp, start[left])
            found[left[root]], good[left[root]] = sharp[root], True
            left = left[~root]
        return found

    def _run(
        self, states: Floats, p: Floats, start: float, times: Floats
    ) -> tuple[Floats, NDArray[np.bool_]]:
        run = integrate(
            *(self.program, states, p, times),
            start=start,
            rtol=self.rtol,
            atol=self.atol,
            method="rodas5p",
            max_steps=_MAX_STEPS,
        )
        return run.values, run.status == 0


class _Space:
    """Rates and Jacobians of a program in its free directions, for many members at a time."""

    def __init__(self, program: LaneProgram) -> None:
        self._program = program
        self.moieties: Moieties = moieties(program)

    def rates(self, states: Floats, p: Floats) -> Floats:
        """Return [members][states]."""
        return evaluate(self._program.rates, 0.0, states, p, len(self._program.states))

    def jacobian(self, states: Floats, p: Floats) -> Floats:
        """Return [members][free][free]: the Jacobian of the free states, the others following."""
        program, space = self._program, self.moieties
        rows, columns = program.jacobian_rows, program.jacobian_columns
        entries = evaluate(program.jacobian, 0.0, states, p, len(rows))
        full = np.zeros((len(states), len(program.states), len(program.states)))
        full[:, rows, columns] = entries
        reduced: Floats = full[:, space.free, :] @ space.link
        return reduced

    def newton(self, states: Floats, p: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return where Newton's method leads from each state, and whether to a root."""
        y = states.copy()
        good = np.zeros(len(y), np.bool_)
        going: NDArray[np.bool_] = np.asarray(np.isfinite(y).all(axis=1), np.bool_)
        if not self.moieties.free.size:
            return y, going
        positive = y >= 0
        for _ in range(_STEPS):
            members = np.flatnonzero(going)
            if not members.size:
                break
            before, values = y[members], p[members]
            step = self._step(before, values)
            step *= _within(before, step, positive[members])[:, None]
            after, finite = self._descend(before, step, values)
            y[members[finite]] = after[finite]
            close = finite & (self.distance(before, after) <= _CONVERGED)
            good[members[close]] = True
            going[members[close | ~finite]] = False
        balanced = np.zeros(len(y), np.bool_)
        balanced[good] = np.isfinite(self.rates(y[good], p[good])).all(axis=1)
        return y, good & balanced

    def _descend(self, before: Floats, step: Floats, p: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return where each step leads, halved while the rates grow along it, and whether anywhere.

        Steps within rounding are taken whole: there the rates are noise.
        """
        start = self._size(before, p)
        share = np.ones(len(before))
        after = before + step
        good: NDArray[np.bool_] = np.asarray(
            np.isfinite(step).all(axis=1) & (self.distance(before, after) <= _TINY), np.bool_
        )
        for _ in range(_HALVINGS):
            left = ~good
            if not left.any():
                break
            after[left] = before[left] + share[left, None] * step[left]
            good[left] = self._size(after[left], p[left]) < start[left]
            share[~good] *= 0.5
        return after, good

    def _size(self, states: Floats, p: Floats) -> Floats:
        """Return the size of the free rates of each member, not a number where one is none."""
        result: Floats = np.linalg.norm(self.rates(states, p)[:, self.moieties.free], axis=1)
        return result

    def _step(self, states: Floats, p: Floats) -> Floats:
        """Return the Newton steps; NaN where the Jacobian is singular."""
        free, link = self.moieties.free, self.moieties.link
        rates = self.rates(states, p)[:, free]
        matrices = self.jacobian(states, p)
        try:
            moves = np.linalg.solve(matrices, -rates[:, :, None])[:, :, 0]
        except np.linalg.LinAlgError:
            moves = np.stack([_solved(matrix, -rate) for matrix, rate in zip(matrices, rates, strict=True)])
        result: Floats = np.einsum("mf,sf->ms", moves, link)  # not BLAS: a row's sum must not know the others
        return result

    def eigenvalues(self, states: Floats, p: Floats) -> NDArray[np.complex128]:
        """Return [members][free], largest real part first."""
        values = np.linalg.eigvals(self.jacobian(states, p)).astype(np.complex128)
        return np.take_along_axis(values, np.lexsort((-values.imag, -values.real), axis=-1), axis=-1)

    def stability(self, eigenvalues: NDArray[np.complex128]) -> NDArray[np.int8]:
        """Return 1 for stable, 0 for unstable, -1 for undecided."""
        if not eigenvalues.shape[1]:
            return np.full(len(eigenvalues), -1, np.int8)
        zero = _ZERO * np.abs(eigenvalues).max(axis=1)
        largest = eigenvalues.real.max(axis=1)
        return np.where(np.abs(largest) <= zero, -1, largest < 0).astype(np.int8)

    def distance(self, before: Floats, after: Floats) -> Floats:
        """Return each member's largest move of a state, relative to its size."""
        sizes = np.abs(after)
        largest = sizes.max(axis=1, initial=0.0, keepdims=True)
        floor = _SMALL * np.where(largest > 0, largest, 1.0)
        result: Floats = (np.abs(after - before) / (sizes + floor)).max(axis=1, initial=0.0)
        return result

    def non_negative(self, states: Floats, start: Floats) -> NDArray[np.bool_]:
        """Return whether nothing fell below zero, within rounding, where nothing started there."""
        lowest = np.minimum(start.min(axis=1, initial=0.0), 0.0)
        rounding = _SMALL * np.abs(states).max(axis=1, initial=0.0)
        result: NDArray[np.bool_] = states.min(axis=1, initial=0.0) >= lowest - rounding
        return result


def _within(states: Floats, step: Floats, positive: NDArray[np.bool_]) -> Floats:
    """Return the share of each step that keeps positive what was positive at the start."""
    with np.errstate(divide="ignore", invalid="ignore"):
        allowed = np.where(positive & (states + step < 0), -_TOWARDS_ZERO * states / step, 1.0)
    result: Floats = np.clip(allowed.min(axis=1, initial=1.0), 0.0, 1.0)
    return result


def _solved(matrix: Floats, right: Floats) -> Floats:
    try:
        return np.asarray(np.linalg.solve(matrix, right))
    except np.linalg.LinAlgError:
        return np.full(right.shape, np.nan)
