"""Newton's method in the free directions of a model, for many members at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate
from bioxen.server.engines.kinetic.lanes.steady.moieties import Moieties, moieties

Floats = NDArray[np.float64]

_STEPS = 50
_CONVERGED = 1e-10
"""Largest last Newton step, relative to each state's size."""
_SMALL = 1e-9
"""Sizes below this share of a member's largest state count as this share."""
_NOTHING = 1e-9
"""Share of a member's largest state at the start that its largest state counts as where it is less: a
member of which nothing is left stands still, however small its rest becomes."""
_ZERO = 1e-9
"""Eigenvalues below this share of the largest are zero within rounding."""
_HALVINGS = 12
_TINY = 1e-7
_TOWARDS_ZERO = 0.95


class Space:
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

    def newton(self, states: Floats, p: Floats, least: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return where Newton's method leads from each state, and if to a root; `least` is `least_of`."""
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
            after, finite = self._descend(before, step, values, least[members])
            y[members[finite]] = after[finite]
            close = finite & (self.distance(before, after, least[members]) <= _CONVERGED)
            good[members[close]] = True
            going[members[close | ~finite]] = False
        self._leave_out_traces(y, p, good, least)
        balanced = np.zeros(len(y), np.bool_)
        balanced[good] = np.isfinite(self.rates(y[good], p[good])).all(axis=1)
        return y, good & balanced

    def _leave_out_traces(self, y: Floats, p: Floats, good: NDArray[np.bool_], least: Floats) -> None:
        """Make roots zeros that have nothing but traces, if that is one: their shares would be rounding."""
        traces = np.flatnonzero(good & (np.abs(y).max(axis=1, initial=0.0) <= _CONVERGED * least))
        nothing = np.zeros((len(traces), y.shape[1]))
        y[traces[(self.rates(nothing, p[traces]) == 0).all(axis=1)]] = 0.0

    def _descend(
        self, before: Floats, step: Floats, p: Floats, least: Floats
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return where each step leads, halved while the rates grow along it, and whether anywhere.

        Steps within rounding are taken whole: there the rates are noise.
        """
        start = self._size(before, p)
        share = np.ones(len(before))
        after = before + step
        good: NDArray[np.bool_] = np.asarray(
            np.isfinite(step).all(axis=1) & (self.distance(before, after, least) <= _TINY), np.bool_
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

    def distance(self, before: Floats, after: Floats, least: Floats) -> Floats:
        """Return each member's largest move of a state, relative to its size; `least` is `least_of`."""
        sizes = np.abs(after)
        largest = np.maximum(sizes.max(axis=1, initial=0.0), least)[:, None]
        floor = _SMALL * np.where(largest > 0, largest, 1.0)
        result: Floats = (np.abs(after - before) / (sizes + floor)).max(axis=1, initial=0.0)
        return result

    def non_negative(self, states: Floats, start: Floats) -> NDArray[np.bool_]:
        """Return whether nothing fell below zero, within rounding, where nothing started there."""
        lowest = np.minimum(start.min(axis=1, initial=0.0), 0.0)
        rounding = _SMALL * np.maximum(np.abs(states).max(axis=1, initial=0.0), least_of(start))
        result: NDArray[np.bool_] = states.min(axis=1, initial=0.0) >= lowest - rounding
        return result


def least_of(start: Floats) -> Floats:
    """Return what each member's largest state counts as where it is less; `start` is [members][states]."""
    result: Floats = _NOTHING * np.abs(start).max(axis=1, initial=0.0)
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
