"""Steady states of an ensemble: Newton's method with the analytic Jacobian, else integration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic.lanes.ode.integrate import integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.steady.newton import Space, least_of

Floats = NDArray[np.float64]

STATUS = ("ok", "none found")
"""What the numbers in `SteadyStates.status` mean."""

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
    space = Space(program)
    found = np.full(y.shape, np.nan)
    settled = np.full(len(y), np.nan)
    status = np.ones(len(y), np.int8)
    if approach == "newton":
        root, good = space.newton(y, p, least_of(y))
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
    space: Space
    rtol: float
    atol: float

    def find(self, start: Floats, p: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Return the steady states of members, when each stood still, and which were found."""
        found, settled = start.copy(), np.full(len(start), np.nan)
        state, reached_at = start.copy(), np.zeros(len(start))
        good = np.zeros(len(start), np.bool_)
        going = np.ones(len(start), np.bool_)
        least, before = least_of(start), 0.0
        for time in map(float, _DECADES):
            members = np.flatnonzero(going)
            if not members.size:
                break
            reached, ok = self._run(state[members], p[members], before, np.array([time]))
            still = ok & (self.space.distance(state[members], reached[:, -1], least[members]) <= _STILL)
            sharp, root = self.space.newton(reached[:, -1], p[members], least[members])
            root &= still & (self.space.distance(reached[:, -1], sharp, least[members]) <= _SAME)
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
            sharp, root = self.space.newton(guess[left], p[left], least_of(start[left]))
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
