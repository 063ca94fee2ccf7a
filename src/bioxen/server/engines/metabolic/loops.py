"""Fluxes without internal cycles, which would break the second law.

`CycleFreeFlux` (Desouki et al. 2015) takes cycles out of a given solution; the loop law (Schellenberger et
al. 2011) keeps them out of the search: potentials G with N·G = 0 on the null space N of the internal network,
and each flux against its G. Only reactions that some cycle could use need a switch, so the others get none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from bioxen.errors import ValidationError
from bioxen.server.engines.metabolic.hull import Indices, find_hull, null_space
from bioxen.server.engines.metabolic.milp import MixedProgram, solve_mixed
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.rows import PricedOptimum, stacked
from bioxen.server.engines.metabolic.solver import NoOptimum, Outcome

POTENTIAL = 1000.0
"""Largest potential difference of a reaction; its unit is free."""
NONE = 1e-9
"""An entry of the null space this small is none; a flux this small runs in no cycle."""


def without_cycles(program: Program, problem: Problem, fluxes: Vector) -> Outcome:
    """Return `fluxes` with as little internal flux as their exchanges, signs and objective allow."""
    keep = program.network.boundary | (problem.objective != 0)
    lower = np.where(fluxes >= 0, np.maximum(problem.lower, 0.0), fluxes)
    upper = np.where(fluxes >= 0, fluxes, np.minimum(problem.upper, 0.0))
    lower[keep] = upper[keep] = fluxes[keep]
    lower, upper = (
        np.minimum(lower, fluxes),
        np.maximum(upper, fluxes),
    )  # fluxes may exceed bounds by rounding
    return program.fluxes.solve(lower, upper, np.where(fluxes >= 0, 1.0, -1.0))


def cycle_flux(program: Program, fluxes: Vector) -> float | None:
    """Return how much of a cycle, scaled to at most 1, runs along `fluxes`; null where that is not proven."""
    way = np.where(np.abs(fluxes) > NONE, np.sign(fluxes), 0.0)
    way[program.network.boundary] = 0.0
    found = program.fluxes.solve(np.minimum(way, 0.0), np.maximum(way, 0.0), -way)
    return None if isinstance(found, NoOptimum) else -found.value


@dataclass(frozen=True, eq=False)
class LoopLaw:
    """The loop law on one problem, as a mixed-integer program: fluxes v, switches a, potentials G."""

    program: Program
    problem: Problem

    @cached_property
    def cyclic(self) -> Indices:
        """The reactions that can run in an internal cycle, whatever the exchanges do."""
        lower, upper = np.minimum(self.problem.lower, 0.0), np.maximum(self.problem.upper, 0.0)
        boundary = self.program.network.boundary
        lower, upper = np.where(boundary, 0.0, np.sign(lower)), np.where(boundary, 0.0, np.sign(upper))
        matrix = self.program.network.stoichiometry
        hull = find_hull(self.program.fluxes, matrix, (lower, upper), np.zeros(len(lower)))
        if isinstance(hull, NoOptimum):  # 0 is such a flux
            return np.flatnonzero(~boundary)
        return np.flatnonzero(hull.varies)

    @property
    def separable(self) -> bool:
        """Whether every cycle can be taken out of any solution without a change to the other fluxes."""
        lower, upper = self.problem.lower[self.cyclic], self.problem.upper[self.cyclic]
        return bool(
            np.all(lower <= 0) and np.all(upper >= 0) and not np.any(self.problem.objective[self.cyclic])
        )

    def solve(
        self, lower: Vector, upper: Vector, cost: Vector, least: float | None = None
    ) -> PricedOptimum | NoOptimum:
        """Return the loopless fluxes of least cost.

        Args:
            lower: bounds of the fluxes.
            upper: bounds of the fluxes.
            cost: costs of the fluxes.
            least: the greatest value allowed of the problem's own cost; no condition where absent.
        """
        switches = len(self.cyclic)
        opposed = np.zeros((2, switches))
        opposed[0, upper[self.cyclic] < 0] = opposed[1, lower[self.cyclic] > 0] = 1.0
        start, end = np.where(opposed[1] > 0, 1.0, 0.0), np.where(opposed[0] > 0, 0.0, 1.0)
        reach = np.full(switches, POTENTIAL)
        mixed = MixedProgram(
            *self._rows(lower, upper, np.inf if least is None else least),
            lower=np.concatenate([lower, start, -reach]),
            upper=np.concatenate([upper, end, reach]),
            cost=np.concatenate([cost, np.zeros(2 * switches)]),
            integer=np.repeat([False, True, False], [len(lower), switches, switches]),
        )
        return solve_mixed(mixed)

    def _rows(self, lower: Vector, upper: Vector, least: float) -> tuple[sparse.csc_array, Vector, Vector]:
        matrix, columns = self.program.network.stoichiometry, self.cyclic
        switches, count = len(columns), len(lower)
        low, high = lower[columns], upper[columns]
        self._check_finite(low, high)
        pick = sparse.csr_array((np.ones(switches), (np.arange(switches), columns)), shape=(switches, count))
        one, laws = sparse.eye_array(switches), sparse.csr_array(self._cycles)
        blocks: list[list[Any]] = [
            [matrix, None, None],
            [pick, sparse.diags_array(-np.maximum(high, 0.0)), None],  # v ≤ upper·a
            [pick, sparse.diags_array(np.minimum(low, 0.0)), None],  # v ≥ lower·(1 − a)
            [None, (POTENTIAL + 1.0) * one, one],  # G < 0 where a = 1, G > 0 where a = 0
            [None, None, laws],
            [sparse.csr_array(self.problem.cost[None, :]), None, None],
        ]
        free, zero = np.full(switches, np.inf), np.zeros(switches)
        balance, law = np.zeros(matrix.shape[0]), np.zeros(laws.shape[0])
        row_lower: list[Any] = [balance, -free, np.minimum(low, 0.0), np.ones(switches), law, [-np.inf]]
        row_upper: list[Any] = [balance, zero, free, np.full(switches, POTENTIAL), law, [least]]
        rows = stacked(blocks)
        return rows, np.concatenate(row_lower), np.concatenate(row_upper)

    @cached_property
    def _cycles(self) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """A basis of the internal cycles, one a row."""
        inner = sparse.csc_array(self.program.network.stoichiometry[:, self.cyclic])
        basis = null_space(inner).T
        basis[np.abs(basis) < NONE] = 0.0
        return np.asarray(basis)

    def _check_finite(self, low: Vector, high: Vector) -> None:
        endless = self.cyclic[~np.isfinite(low) | ~np.isfinite(high)]
        if len(endless):
            name = self.program.network.reactions[endless[0]]
            raise ValidationError(
                f"the loop law needs finite bounds on every reaction of a cycle, and {name} has none",
                details={"place": f"constraints.{name}", "remedy": "Give it bounds, such as [-1000, 1000]."},
            )
