"""Linear programs min cost·x, A·x = 0, lower ≤ x ≤ upper: two ways to solve them, one way to prove.

Every analysis of this engine is of that one form. Four rules make the answers worth trusting:

* Each solve starts from the same basis, so a request finds no trace of the one before it.
* An optimum counts only with its certificate, computed from x and the duals, not reported by a solver.
* Where the kernel's answer has no such proof, HiGHS solves the same problem. `fallbacks` counts why.
* "Infeasible" counts only if a second algorithm agrees; "unbounded" only if a feasible point is proven.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from bioxen.protocol.metabolic import Certificate, MetabolicStatus
from bioxen.server.engines import tally
from bioxen.server.engines.metabolic.highs import (
    DUAL,
    DUAL_SCALED,
    PRIMAL,
    PRIMAL_SCALED,
    Basis,
    Highs,
)
from bioxen.server.engines.metabolic.kernel.front import Kernel, build_kernel, optimise
from bioxen.server.engines.metabolic.kernel.state import OPTIMAL, WORDS
from bioxen.server.engines.metabolic.kernel.tableau import Tableau, build_tableau
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.proof import duality_gap, is_proof, proves
from bioxen.server.engines.metabolic.reduction import Reduction, reduce

KERNEL, HIGHS = "canonical tableau", "HiGHS simplex"
"""What solved, as results name it."""


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """A proven optimum."""

    x: Vector
    value: float
    """cost·x."""
    certificate: Certificate
    solver: str = HIGHS
    basis: Basis | None = None
    """Where HiGHS solved: its basis at x, to start a related solve from."""


@dataclass(frozen=True, slots=True)
class NoOptimum:
    """Why there is none: `infeasible`, `unbounded` or `numeric`."""

    status: MetabolicStatus


Outcome = Optimum | NoOptimum


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Where every solve of a program starts from."""

    basis: Basis | None
    """`None` where the base problem has no solution."""
    tableau: Tableau | None
    """`None` where the kernel does not pay."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """A problem on the columns that are left, and its bounds and costs on all of them."""

    lower: Vector
    upper: Vector
    cost: Vector
    full: tuple[Vector, Vector, Vector]


@dataclass(eq=False)
class LinearProgram:
    """All linear programs on one matrix A."""

    matrix: sparse.csc_array
    reduction: Reduction
    base: Base
    fallbacks: Counter[str] = field(default_factory=Counter)
    """Why HiGHS was asked, and how often; a count for operators, which no answer depends on."""

    def solve(
        self,
        lower: Vector,
        upper: Vector,
        cost: Vector,
        *,
        start: Basis | None = None,
        primal: bool = False,
    ) -> Outcome:
        """Return the least cost·x, or why there is none.

        Args:
            lower: bounds of x.
            upper: bounds of x.
            cost: the costs.
            start: a basis for HiGHS to start from; the base problem's where absent.
            primal: whether HiGHS is to try the primal simplex first, for a `start` that is feasible already.
        """
        if self.kernel is not None:
            optimum = self._by_kernel(self.kernel, lower, upper, cost)
            if optimum is not None:
                return optimum
        return self.solve_by_highs(lower, upper, cost, start=start, primal=primal)

    def feasible(self, lower: Vector, upper: Vector) -> bool:
        """Return whether some x provably fulfils A·x = 0 between these bounds."""
        reduced = self._reduce(lower, upper, np.zeros(len(lower)))
        if reduced is None:
            return False
        return self._run(reduced, DUAL, self.base.basis) == "optimal" and self._optimum(reduced) is not None

    def fall_back(self, reason: str) -> None:
        """Count that HiGHS is asked; where the kernel does not pay, nobody else was."""
        self.fallbacks[reason] += 1
        if self.base.tableau is not None:
            tally.count("kernel", reason)

    @cached_property
    def kernel(self) -> Kernel | None:
        """The kernel on this program's tableau."""
        if self.base.tableau is None:
            return None
        return build_kernel(self.matrix, self.reduction, self.base.tableau)

    @cached_property
    def _highs(self) -> Highs:
        return Highs(self.reduction.matrix)

    @cached_property
    def _transposed(self) -> sparse.csr_array:
        return sparse.csr_array(self.reduction.matrix.T)

    def _by_kernel(self, kernel: Kernel, lower: Vector, upper: Vector, cost: Vector) -> Optimum | None:
        x: Vector = np.empty(len(cost))
        status, numbers = optimise(kernel, plain(lower), plain(upper), plain(cost), x)
        value, residual, excess, gap, largest = numbers
        if status != OPTIMAL:
            self.fall_back(WORDS[status])
            return None
        if not is_proof(residual, excess, gap, value, largest):
            self.fall_back("unproven")
            return None
        certificate = Certificate(residual=residual, bound_violation=excess, duality_gap=gap)
        return Optimum(x, value, certificate, KERNEL)

    def solve_by_highs(
        self,
        lower: Vector,
        upper: Vector,
        cost: Vector,
        *,
        start: Basis | None = None,
        primal: bool = False,
    ) -> Outcome:
        """Return what `solve` returns, without the kernel."""
        reduced = self._reduce(lower, upper, cost)
        if reduced is None:
            return NoOptimum("infeasible")
        said = []
        first, second = (PRIMAL, DUAL_SCALED) if primal else (DUAL, PRIMAL_SCALED)
        for options, basis in ((first, start or self.base.basis), (second, None)):
            said.append(self._run(reduced, options, basis))
            optimum = self._optimum(reduced) if said[-1] == "optimal" else None
            if optimum is not None:
                return optimum
        return NoOptimum(self._status(said, reduced))

    def _reduce(self, lower: Vector, upper: Vector, cost: Vector) -> _Reduced | None:
        """Return the same problem on fewer columns; `None` where its bounds contradict each other."""
        bounds = None if np.any(lower > upper) else self.reduction.fold_bounds(lower, upper)
        if bounds is None:
            return None
        return _Reduced(*bounds, self.reduction.fold_cost(cost), full=(lower, upper, cost))

    def _status(self, said: list[str], reduced: _Reduced) -> MetabolicStatus:
        if said == ["infeasible", "infeasible"]:
            return "infeasible"
        lower, upper, cost = reduced.full
        feasible = self.feasible(lower, upper)
        if feasible and cost.any() and set(said) <= {"unbounded", "either"}:
            return "unbounded"
        if not feasible and set(said) <= {"infeasible", "either"}:
            return "infeasible"
        return "numeric"

    def _run(self, reduced: _Reduced, options: dict[str, Any], basis: Basis | None) -> str:
        return self._highs.run(reduced.lower, reduced.upper, reduced.cost, options, basis)

    def _optimum(self, reduced: _Reduced) -> Optimum | None:
        """Return the optimum HiGHS stands at, if it can be proven.

        Steady state and bounds are checked on x itself; the duals belong to the reduced problem, whose
        optimum is the same.
        """
        z, prices = self._highs.solution()
        lower, upper, cost = reduced.full
        x = self.reduction.expand(z, lower, upper)
        if not np.isfinite(x).all():
            return None
        value = float(cost @ x)
        slopes = reduced.cost - self._transposed @ prices
        certificate = Certificate(
            residual=float(np.max(np.abs(self.matrix @ x), initial=0.0)),
            bound_violation=float(np.max(np.maximum(lower - x, x - upper), initial=0.0)),
            duality_gap=duality_gap(value, z, slopes, reduced.lower, reduced.upper),
        )
        if not proves(certificate, x, value):
            return None
        return Optimum(x, value, certificate, HIGHS, self._highs.basis())


def linear_program(
    matrix: sparse.csc_array,
    lower: Vector,
    upper: Vector,
    cost: Vector,
    *,
    reduction: Reduction | None = None,
    kernel: bool = True,
) -> LinearProgram:
    """Return the programs on `matrix`, with a base problem solved.

    Args:
        matrix: A.
        lower: bounds of the base problem, whose optimal basis every solve starts from.
        upper: bounds of the base problem.
        cost: costs of the base problem.
        reduction: what A·x = 0 says, if that is known already.
        kernel: whether so many solves will follow that the tableau is worth its making.
    """
    program = LinearProgram(matrix, reduction or reduce(matrix), Base(None, None))
    for costs in (cost, np.zeros(len(cost))):  # where nothing limits the objective any feasible basis serves
        optimum = program.solve_by_highs(lower, upper, costs)
        if isinstance(optimum, Optimum) and optimum.basis is not None:
            folded = program.reduction.fold_cost(costs)
            tableau = build_tableau(program.reduction.matrix, folded, *optimum.basis) if kernel else None
            program.base = Base(optimum.basis, tableau)
            break
    return program


def plain(numbers: Vector) -> Vector:
    """Return the numbers as the compiled code knows them: for a read-only array it would compile anew."""
    return np.require(numbers, np.float64, ["C", "W"])
