"""What no formula gives: the variables of algebraic rules, and how far the fast reactions have gone.

Both are unknowns of one system, solved by Newton's method at every evaluation. Fast reactions are at
equilibrium at all times: the state without them, plus how far they went along their own directions. At the
start and after every event that equilibrium is found by following the fast reactions alone until they rest;
between, Newton's method follows it, and a root that the fast reactions would leave is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp

from bioxen.server.engines.kinetic.runner import Matrix, SolverFailure

if TYPE_CHECKING:
    from bioxen.server.engines.kinetic.general.system import System

_STEP = np.finfo(float).eps ** 0.5
_CONVERGED = 1e-11
_ENOUGH = 1e-7
"""The largest relative Newton step at which rounding may stop the iteration."""
_MAX_STEPS = 60
_LONGEST = 1e12
_RANK = 1e-10


class Implicit:
    """The unknowns of one system; empty, and false, where the model has none."""

    def __init__(self, system: System) -> None:
        self._system = system
        equations = system.equations
        self._algebraic = len(equations.implicit)
        self._fast = bool(equations.motion.fast_laws)
        self.unknowns = np.array([_guess(system.values[slot]) for slot in equations.implicit], dtype=float)
        self._directions = np.zeros((len(equations.motion.state), 0))
        self._network = np.zeros((len(equations.motion.state), len(equations.motion.fast_laws)))

    def __bool__(self) -> bool:
        return bool(self._algebraic or self._fast)

    def restart(self, time: float) -> None:
        """Find the unknowns anew from the values: at the start and after a jump."""
        system = self._system
        self._network = self._stoichiometry(system.values)
        self._directions = _basis(self._network)
        self.unknowns = np.concatenate(
            [self.unknowns[: self._algebraic], np.zeros(self._directions.shape[1])]
        )
        if self._directions.shape[1]:
            self._relax(time)
        self.solve(time, system.state)
        system.state = self.effective(system.state)
        self.unknowns[self._algebraic :] = 0.0
        self.solve(time, system.state)

    def solve(self, time: float, state: Any) -> None:
        """Solve for the unknowns at `state`; the system's values follow from them."""
        self.unknowns = self.solve_in(self._system.values, time, state, self.unknowns)

    def solve_in(self, values: list[float], time: float, state: Any, guess: Matrix) -> Matrix:
        """Return the unknowns at `state`, from `guess`; `values` follow from them.

        Raises:
            SolverFailure: Newton's method finds no root.
        """
        unknowns, size = np.array(guess, dtype=float), np.inf
        residual = self._residual(values, time, state, unknowns)
        for _ in range(_MAX_STEPS):
            step = self._newton_step(values, time, state, unknowns, residual)
            unknowns, residual = self._damped(values, time, state, unknowns, step, residual)
            last, size = size, _relative(step, unknowns)
            if size <= _CONVERGED or not residual.any() or (size <= _ENOUGH and size >= last / 2):
                return unknowns
        raise SolverFailure(f"the algebraic rules or fast reactions have no solution near time {time:g}")

    def check(self, time: float, state: Any) -> None:
        """Make sure that the fast reactions would stay where Newton's method found them.

        Raises:
            SolverFailure: they would leave; another equilibrium is the right one.
        """
        if not self._directions.shape[1]:
            return
        jacobian = self._jacobian(self._system.values, time, state, self.unknowns)
        self.solve(time, state)
        count = self._algebraic
        schur = jacobian[count:, count:]
        if count:
            schur = (
                schur
                - jacobian[count:, :count]
                @ np.linalg.lstsq(jacobian[:count, :count], jacobian[:count, count:], rcond=None)[0]
            )
        values = np.linalg.eigvals(schur).real
        if values.max(initial=0.0) > 1e-6 * np.abs(values).max(initial=0.0):
            raise SolverFailure(f"the fast reactions leave their equilibrium at time {time:g}")

    def effective(self, state: Any) -> Matrix:
        """Return the state with what the fast reactions did."""
        moved: Matrix = np.asarray(state, dtype=float) + self._directions @ self.unknowns[self._algebraic :]
        return moved

    def _residual(self, values: list[float], time: float, state: Any, unknowns: Matrix) -> Matrix:
        system, equations = self._system, self._system.equations
        for slot, value in zip(equations.implicit, unknowns, strict=False):
            values[slot] = float(value)
        system.write(values, np.asarray(state) + self._directions @ unknowns[self._algebraic :])
        system.notes.clear()
        equations.update(time, values, system.note, system.delayed)
        rules = [float(rule(time, values, system.note, system.delayed)) for rule in equations.residuals]
        residual = np.concatenate([np.array(rules, dtype=float), self._flow(values)])
        if not np.isfinite(residual).all():
            raise SolverFailure(f"an algebraic rule or a fast reaction is no finite number at time {time:g}")
        return residual

    def _flow(self, values: list[float]) -> Matrix:
        laws = np.array([values[slot] for slot in self._system.equations.motion.fast_laws], dtype=float)
        flow: Matrix = self._directions.T @ (self._network @ laws)
        return flow

    def _jacobian(self, values: list[float], time: float, state: Any, unknowns: Matrix) -> Matrix:
        columns = []
        scale = np.abs(np.asarray(state)).max(initial=0.0)
        for index, value in enumerate(unknowns):
            extent = scale if index >= self._algebraic else 0.0
            width = _STEP * (max(abs(value), extent) or 1.0)
            shift = np.zeros_like(unknowns)
            shift[index] = width
            above = self._residual(values, time, state, unknowns + shift)
            below = self._residual(values, time, state, unknowns - shift)
            columns.append((above - below) / (2 * width))
        return np.array(columns).T.reshape(len(unknowns), len(unknowns))

    def _newton_step(
        self, values: list[float], time: float, state: Any, unknowns: Matrix, residual: Matrix
    ) -> Matrix:
        jacobian = self._jacobian(values, time, state, unknowns)
        if self._algebraic and not jacobian[:, : self._algebraic].any(axis=0).all():
            raise SolverFailure(f"the algebraic rules do not determine their variables at time {time:g}")
        step, *_ = np.linalg.lstsq(jacobian, -residual, rcond=1e-14)
        return np.asarray(step, dtype=float)

    def _damped(
        self, values: list[float], time: float, state: Any, unknowns: Matrix, step: Matrix, residual: Matrix
    ) -> tuple[Matrix, Matrix]:
        """Go along `step`, less far while that makes the residual larger."""
        size = float(np.abs(residual).max(initial=0.0))
        share = 1.0
        while True:
            try:
                tried = self._residual(values, time, state, unknowns + share * step)
            except SolverFailure:
                if share < 1e-6:
                    raise
            else:
                if np.abs(tried).max(initial=0.0) <= size * (1 + 1e-6) or share < 1e-3:
                    return unknowns + share * step, tried
            share /= 2

    def _relax(self, time: float) -> None:
        """Follow the fast reactions alone until they rest."""
        state, count = self._system.state, self._algebraic
        values, start = self._system.values, self.unknowns

        def flow(_: float, extents: Matrix) -> Matrix:
            found = start.copy()
            found[count:] = extents
            if count:
                found[:count] = self._rules_alone(time, state, found)
            self._residual(values, time, state, found)
            self.unknowns[:count] = found[:count]
            return self._flow(values)

        extents, reached = start[count:].copy(), 0.0
        scale = float(np.abs(state).max(initial=0.0)) or 1.0
        ahead = 1.0
        while ahead <= _LONGEST:
            course = solve_ivp(flow, (reached, ahead), extents, method="LSODA", rtol=1e-9, atol=1e-12 * scale)
            if not course.success or not np.isfinite(course.y[:, -1]).all():
                break
            moved = float(np.abs(course.y[:, -1] - extents).max())
            extents, reached = course.y[:, -1], ahead
            if moved <= 1e-10 * scale and float(np.abs(flow(0.0, extents)).max()) * ahead <= 1e-9 * scale:
                self.unknowns = np.concatenate([self.unknowns[:count], extents])
                return
            ahead *= 10.0
        raise SolverFailure(f"the fast reactions reach no equilibrium at time {time:g}")

    def _rules_alone(self, time: float, state: Any, unknowns: Matrix) -> Matrix:
        """Solve the algebraic rules with the fast reactions held where they are."""
        held = Implicit(self._system)
        held.unknowns = self.unknowns[: self._algebraic]
        held._fast = False
        moved = np.asarray(state) + self._directions @ unknowns[self._algebraic :]
        return held.solve_in(self._system.values, time, moved, held.unknowns)

    def _stoichiometry(self, values: list[float]) -> Matrix:
        equations = self._system.equations
        network = np.zeros((len(equations.motion.state), len(equations.motion.fast_laws)))
        for part in equations.motion.fast_parts:
            factor = 1.0 if part.factor is None else values[part.factor]
            network[part.row, part.column] += part.sign * values[part.stoichiometry] * factor
        return network


def _guess(value: float) -> float:
    return value if np.isfinite(value) else 1.0


def _relative(step: Matrix, unknowns: Matrix) -> float:
    return float((np.abs(step) / np.maximum(np.abs(unknowns), 1e-12)).max(initial=0.0))


def _basis(network: Matrix) -> Matrix:
    """Return an orthonormal basis of the directions of the fast reactions."""
    if network.size == 0:
        return np.zeros((network.shape[0], 0))
    left, singular, _ = np.linalg.svd(network, full_matrices=False)
    kept: Matrix = left[:, singular > _RANK * (singular.max(initial=0.0) or 1.0)]
    return kept
