"""Linear programs min cost·x, A·x = 0, lower ≤ x ≤ upper: two ways to solve them, one way to prove.

Every analysis of this engine is of that one form. Four rules make the answers worth trusting:

* Each solve starts from the same basis, so a request finds no trace of the one before it.
* An optimum counts only with its certificate, computed from x and the duals, not reported by a solver.
* Where the kernel's answer has no such proof, HiGHS solves the same problem. `fallbacks` counts why.
* "Infeasible" counts only if a second algorithm agrees; "unbounded" only if a feasible point is proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bioxen.protocol.metabolic import Certificate, MetabolicStatus
from bioxen.server.engines import tally
from bioxen.server.engines.metabolic.highs import (
    DUAL,
    DUAL_SCALED,
    PRIMAL,
    PRIMAL_SCALED,
    TOLERANCE,
    Basis,
    Highs,
)
from bioxen.server.engines.metabolic.kernel.batch import Changes, variants
from bioxen.server.engines.metabolic.kernel.extremes import extremes
from bioxen.server.engines.metabolic.kernel.front import Kernel, build_kernel, optimise
from bioxen.server.engines.metabolic.kernel.state import OPTIMAL, WORDS
from bioxen.server.engines.metabolic.kernel.tableau import Tableau, build_tableau
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.reduction import Reduction, reduce

MAX_RESIDUAL = 1e-8
"""Largest accepted |A·x| and bound violation, relative to the largest flux if that is above 1."""
MAX_GAP = 1e-6
"""Largest accepted duality gap, relative to the objective if that is above 1."""
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
class Study:
    """The optima of many variants of one problem, without their x."""

    values: Vector
    """Least cost of each; NaN where there is none."""
    status: list[MetabolicStatus]
    certificate: Certificate
    """The one that holds for all optima."""
    solvers: set[str]
    carried: NDArray[np.bool_]
    """Whether each x is other than 0 in each optimum; empty unless asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """Least and greatest x; ±inf where nothing limits it, NaN where no answer could be proven."""

    least: Vector
    greatest: Vector
    certificates: list[Certificate]
    solvers: set[str]


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

    def study(
        self, bounds: tuple[Vector, Vector], cost: Vector, changes: Changes, *, carried: bool = False
    ) -> Study:
        """Return the least cost of each variant of a problem, in which some bounds are others."""
        return _study(self, bounds, cost, changes, carried=carried)

    def ranges(self, bounds: tuple[Vector, Vector], cost: Vector, columns: Sequence[int]) -> Ranges:
        """Return how little and how much each of `columns` can be, searched for from the least cost."""
        return _ranges(self, bounds, cost, columns)

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
        status, numbers = optimise(kernel, _plain(lower), _plain(upper), _plain(cost), x)
        value, residual, excess, gap, largest = numbers
        if status != OPTIMAL:
            self.fall_back(WORDS[status])
            return None
        if not _is_proof(residual, excess, gap, value, largest):
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
            duality_gap=_gap(value, z, slopes, reduced.lower, reduced.upper),
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


def proves(certificate: Certificate, x: Vector, value: float) -> bool:
    """Return whether `certificate` proves `value` at `x` within this module's tolerances."""
    gap = np.inf if certificate.duality_gap is None else certificate.duality_gap
    largest = float(np.max(np.abs(x), initial=0.0))
    return _is_proof(certificate.residual, certificate.bound_violation, gap, value, largest)


def _is_proof(residual: float, excess: float, gap: float, value: float, largest: float) -> bool:
    allowed = MAX_RESIDUAL * max(1.0, largest)
    return residual <= allowed and excess <= allowed and gap <= MAX_GAP * max(1.0, abs(value))


def worst(certificates: Sequence[Certificate]) -> Certificate:
    """Return the certificate that holds for all of several answers."""
    return Certificate(
        residual=max((one.residual for one in certificates), default=0.0),
        bound_violation=max((one.bound_violation for one in certificates), default=0.0),
        duality_gap=max((one.duality_gap or 0.0 for one in certificates), default=0.0),
    )


def _gap(value: float, x: Vector, slopes: Vector, lower: Vector, upper: Vector) -> float | None:
    """Return |primal − dual objective|; null where the slopes (reduced costs) point to no bound.

    As A·x = 0, the dual objective is what the slopes give at the bounds they press against.
    """
    pressed = np.where(slopes > 0, lower, upper)
    open_ended = np.isinf(pressed)
    if np.any(np.abs(slopes[open_ended]) > 10 * TOLERANCE):
        return None
    return abs(value - float(slopes @ np.where(open_ended, x, pressed)))


def _plain(numbers: Vector) -> Vector:
    """Return the numbers as the compiled code knows them: for a read-only array it would compile anew."""
    return np.require(numbers, np.float64, ["C", "W"])


def _proven(proofs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows of the kernel's proofs are any; NaN is none."""
    value, residual, excess, gap, largest = proofs.T
    allowed = MAX_RESIDUAL * np.maximum(1.0, largest)
    small = (residual <= allowed) & (excess <= allowed)
    return np.asarray(small & (gap <= MAX_GAP * np.maximum(1.0, np.abs(value))))


def _worst_of(proofs: NDArray[np.float64]) -> list[Certificate]:
    if not len(proofs):
        return []
    _, residual, excess, gap, _ = proofs.max(axis=0).tolist()
    return [Certificate(residual=residual, bound_violation=excess, duality_gap=gap)]


def _study(
    program: LinearProgram, bounds: tuple[Vector, Vector], cost: Vector, changes: Changes, *, carried: bool
) -> Study:
    count = len(changes.starts) - 1
    status, proofs = np.full(count, -1), np.full((count, 5), np.nan)
    seen = np.zeros((count if carried else 0, len(cost)), dtype=np.bool_)
    if program.kernel is not None:
        plain = _plain(bounds[0]), _plain(bounds[1]), _plain(cost)
        if optimise(program.kernel, *plain, np.empty(len(cost)))[0] == OPTIMAL:
            variants(program.kernel, *plain, changes, status, proofs, seen)
    good = (status == OPTIMAL) & _proven(proofs)
    words: list[MetabolicStatus] = ["optimal"] * count
    certificates, solvers = _worst_of(proofs[good]), {KERNEL} if good.any() else set()
    values = np.where(good, proofs[:, 0], np.nan)
    for number in np.flatnonzero(~good).tolist():
        program.fall_back(WORDS[status[number]] if status[number] > 0 else "unproven")
        outcome = program.solve_by_highs(*changes.apply(number, *bounds), cost)
        solvers.add(HIGHS)
        if isinstance(outcome, NoOptimum):
            words[number] = outcome.status
            continue
        values[number] = outcome.value
        certificates.append(outcome.certificate)
        if carried:
            seen[number] = outcome.x != 0.0
    return Study(values, words, worst(certificates), solvers, seen)


def _ranges(
    program: LinearProgram, bounds: tuple[Vector, Vector], cost: Vector, columns: Sequence[int]
) -> Ranges:
    count = program.reduction.matrix.shape[1]
    root, factor = program.reduction.root[list(columns)], program.reduction.factor[list(columns)]
    wanted, found = np.zeros(count, dtype=np.bool_), np.full((2, count), np.nan)
    wanted[root[root >= 0]] = True
    worst_proof = np.zeros(5)
    if program.kernel is not None:
        plain = _plain(bounds[0]), _plain(bounds[1]), _plain(cost)
        first, proof = optimise(program.kernel, *plain, np.empty(len(cost)))
        if first == OPTIMAL and _proven(np.array([proof])).all():
            limits = MAX_RESIDUAL, MAX_GAP
            extremes(program.kernel, *plain[:2], proof, wanted, found, limits, worst_proof)
    certificates = _worst_of(worst_proof[None, :])
    solvers = {KERNEL} if np.isfinite(found).any() else set()
    start: Basis | None = None
    least, greatest = _unfold(found, root, factor, bounds, columns)
    for place, column in enumerate(columns):
        for sign, out in ((1.0, least), (-1.0, greatest)):
            if np.isnan(out[place]):
                program.fall_back("range")
                solvers.add(HIGHS)
                if start is None:
                    vertex = program.solve_by_highs(*bounds, cost)
                    start = vertex.basis if isinstance(vertex, Optimum) else None
                one: Vector = np.zeros(len(cost))
                one[column] = sign
                outcome = program.solve_by_highs(*bounds, one, start=start, primal=True)
                if isinstance(outcome, Optimum):
                    certificates.append(outcome.certificate)
                    out[place] = sign * outcome.value
                elif outcome.status == "unbounded":
                    out[place] = -sign * np.inf
    return Ranges(least + 0.0, greatest + 0.0, certificates, solvers)


def _unfold(
    found: NDArray[np.float64],
    root: NDArray[np.int64],
    factor: Vector,
    bounds: tuple[Vector, Vector],
    columns: Sequence[int],
) -> tuple[Vector, Vector]:
    """Return the ranges of x that follow from those of z, within the bounds that rounding may have left."""
    ends = np.where(root < 0, 0.0, found[:, root] * factor)
    low, high = bounds[0][list(columns)], bounds[1][list(columns)]
    return np.clip(ends.min(axis=0), low, high), np.clip(ends.max(axis=0), low, high)
