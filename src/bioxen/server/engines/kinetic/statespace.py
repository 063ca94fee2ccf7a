"""The state of a model as a vector, and its rates of change in the space conserved moieties leave free."""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.kinetic.runner import Matrix, Runner

_DIFFERENCE = np.finfo(float).eps ** (1 / 3)
_RANK = 1e-10
_RANK_OF_JACOBIAN = 1e-13
_BALANCE = 1e-6


class StateSpace:
    """The state variables (amounts of species, values of what rate rules integrate) of a prepared runner.

    A reaction network moves only in the range of its stoichiometry matrix. With an orthonormal basis U of
    that range, d(Uᵀx)/dt = Uᵀf(x): the reduced system has no conserved direction, and its Jacobian UᵀJU has
    the eigenvalues of the reduced Jacobian of the textbooks.
    """

    def __init__(self, runner: Runner, rate_targets: frozenset[str]) -> None:
        self._runner = runner
        self.names = runner.state_ids()
        self.stoichiometry = runner.stoichiometry(self.names)
        self.basis = _basis(self.stoichiometry, [name in rate_targets for name in self.names])

    def read(self) -> Matrix:
        """Return the state."""
        return np.array([self._runner.get(name) for name in self.names])

    def write(self, state: Matrix) -> None:
        """Set the state."""
        for name, value in zip(self.names, state, strict=True):
            self._runner.set(name, float(value))

    def rates(self, state: Matrix) -> Matrix:
        """Return d(state)/dt at `state`."""
        self.write(state)
        return self._runner.rates()

    def reduced_jacobian(self, state: Matrix) -> Matrix:
        """Return UᵀJU by central differences."""
        return self.basis.T @ self.linearised(state)[0] @ self.basis

    def linearised(self, state: Matrix) -> tuple[Matrix, Matrix]:
        """Return J = ∂(rates)/∂(state) and ∂(reaction rates)/∂(state) by central differences."""
        sizes = np.abs(state) + 1e-3 * (np.abs(state).max(initial=0.0) or 1.0)
        columns, slopes = [], []
        for column, size in enumerate(sizes):
            step = np.zeros_like(state)
            step[column] = _DIFFERENCE * size
            above, fluxes_above = self.rates(state + step), self._runner.reaction_rates()
            below, fluxes_below = self.rates(state - step), self._runner.reaction_rates()
            columns.append((above - below) / (2 * step[column]))
            slopes.append((fluxes_above - fluxes_below) / (2 * step[column]))
        self.write(state)
        reactions = self.stoichiometry.shape[1]
        return (
            np.array(columns).T.reshape(state.size, state.size),
            np.array(slopes).T.reshape(reactions, state.size),
        )

    def newton_step(self, state: Matrix) -> tuple[Matrix, bool]:
        """Return the Newton step at `state`, and whether it points to a root.

        Where the reduced Jacobian is singular the step is the shortest of the best ones. It points to a root
        if it solves the linear equations, or if what flows into each species balances what flows out.
        """
        rates = self.rates(state)
        reduced = self.basis.T @ rates
        jacobian = self.reduced_jacobian(state)
        step, *_ = np.linalg.lstsq(jacobian, -reduced, rcond=_RANK_OF_JACOBIAN)
        left = np.abs(jacobian @ step + reduced).max(initial=0.0)
        solves = left <= _BALANCE * np.abs(reduced).max(initial=0.0)
        return self.basis @ step, bool(solves or self._is_balanced(rates))

    def _is_balanced(self, rates: Matrix) -> bool:
        turnover = np.abs(self.stoichiometry) @ np.abs(self._runner.reaction_rates())
        return bool((np.abs(rates) <= _BALANCE * turnover).all())


def _basis(stoichiometry: Matrix, by_rule: list[bool]) -> Matrix:
    """Return an orthonormal basis of the directions in which the state can move."""
    rules = np.flatnonzero(by_rule)
    free = np.zeros((len(by_rule), rules.size))
    free[rules, range(rules.size)] = 1.0
    if stoichiometry.size == 0:
        return free
    left, singular, _ = np.linalg.svd(stoichiometry, full_matrices=False)
    rank = int((singular > _RANK * singular.max()).sum())
    return np.hstack([left[:, :rank], free])
