"""Linear programs min cost·x, A·x = 0, lower ≤ x ≤ upper: HiGHS solves, and the answer is proven here.

Every analysis of this engine is of that one form. Three rules make the answers worth trusting:

* Each solve starts from the same basis, after `clearSolver()`: HiGHS keeps history otherwise, and a
  request would find traces of the one before it.
* An optimum counts only with its certificate, computed here from x and the duals, not reported by HiGHS.
* "Infeasible" counts only if a second algorithm agrees; "unbounded" only if a feasible point is proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from bioxen.protocol.metabolic import Certificate, MetabolicStatus
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.reduction import reduce

HIGHS_VERSION = ".".join(
    str(part)
    for part in (highspy.HIGHS_VERSION_MAJOR, highspy.HIGHS_VERSION_MINOR, highspy.HIGHS_VERSION_PATCH)
)
TOLERANCE = 1e-9
MAX_RESIDUAL = 1e-8
"""Largest accepted |A·x| and bound violation, relative to the largest flux if that is above 1."""
MAX_GAP = 1e-6
"""Largest accepted duality gap, relative to the objective if that is above 1."""

_OPTIONS: dict[str, Any] = {
    "output_flag": False,
    "solver": "simplex",
    "presolve": "off",
    "parallel": "off",
    "threads": 1,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
}
_DUAL = {"simplex_strategy": 1, "simplex_scale_strategy": 0}
_PRIMAL = {"simplex_strategy": 4, "simplex_scale_strategy": 0}
_PRIMAL_SCALED = {"simplex_strategy": 4, "simplex_scale_strategy": 2}
_DUAL_SCALED = {"simplex_strategy": 1, "simplex_scale_strategy": 2}

_STATUS: dict[Any, str] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kModelEmpty: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
    highspy.HighsModelStatus.kUnboundedOrInfeasible: "either",
}


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """A proven optimum."""

    x: Vector
    value: float
    """cost·x."""
    certificate: Certificate
    basis: Any
    """HiGHS's basis at x, to start a related solve from."""


@dataclass(frozen=True, slots=True)
class NoOptimum:
    """Why there is none: `infeasible`, `unbounded` or `numeric`."""

    status: MetabolicStatus


Outcome = Optimum | NoOptimum


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """A problem on the columns that are left, and its bounds and costs on all of them."""

    lower: Vector
    upper: Vector
    cost: Vector
    full: tuple[Vector, Vector, Vector]


class LinearProgram:
    """All linear programs on one matrix A, in one warm HiGHS instance.

    Args:
        matrix: A.
        lower: bounds of the base problem, whose optimal basis every solve starts from.
        upper: bounds of the base problem.
        cost: costs of the base problem.
    """

    def __init__(self, matrix: sparse.csc_array, lower: Vector, upper: Vector, cost: Vector) -> None:
        self.matrix = matrix
        self._reduction = reduce(matrix)
        self._transposed = sparse.csr_array(self._reduction.matrix.T)
        self._columns = np.arange(self._reduction.matrix.shape[1], dtype=np.int32)
        self._highs = _highs(self._reduction.matrix)
        self._base: Any = None
        base = self.solve(lower, upper, cost)
        self._base = base.basis if isinstance(base, Optimum) else None

    def solve(
        self, lower: Vector, upper: Vector, cost: Vector, *, start: Any = None, primal: bool = False
    ) -> Outcome:
        """Return the least cost·x, or why there is none.

        Args:
            lower: bounds of x.
            upper: bounds of x.
            cost: the costs.
            start: a basis to start from; the base problem's where absent.
            primal: whether to try the primal simplex first, for a `start` that is feasible already.
        """
        reduced = self._reduce(lower, upper, cost)
        if reduced is None:
            return NoOptimum("infeasible")
        said = []
        first, second = (_PRIMAL, _DUAL_SCALED) if primal else (_DUAL, _PRIMAL_SCALED)
        for options, basis in ((first, start or self._base), (second, None)):
            said.append(self._run(reduced, options, basis))
            optimum = self._optimum(reduced) if said[-1] == "optimal" else None
            if optimum is not None:
                return optimum
        return NoOptimum(self._status(said, reduced))

    def feasible(self, lower: Vector, upper: Vector) -> bool:
        """Return whether some x provably fulfils A·x = 0 between these bounds."""
        reduced = self._reduce(lower, upper, np.zeros(len(lower)))
        if reduced is None:
            return False
        return self._run(reduced, _DUAL, self._base) == "optimal" and self._optimum(reduced) is not None

    def _reduce(self, lower: Vector, upper: Vector, cost: Vector) -> _Reduced | None:
        """Return the same problem on fewer columns; `None` where its bounds contradict each other."""
        bounds = None if np.any(lower > upper) else self._reduction.fold_bounds(lower, upper)
        if bounds is None:
            return None
        return _Reduced(*bounds, self._reduction.fold_cost(cost), full=(lower, upper, cost))

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

    def _run(self, reduced: _Reduced, options: dict[str, Any], basis: Any) -> str:
        """Run HiGHS on this problem and nothing else: all that a solve before it left is replaced."""
        highs, count = self._highs, len(self._columns)
        for name, value in options.items():
            highs.setOptionValue(name, value)
        taken = (
            highs.changeColsBounds(count, self._columns, reduced.lower, reduced.upper),
            highs.changeColsCost(count, self._columns, reduced.cost),
        )
        if highspy.HighsStatus.kError in taken:  # it would solve with what it had before
            return "numeric"
        highs.clearSolver()
        if basis is not None:
            highs.setBasis(basis)
        highs.run()
        return _STATUS.get(highs.getModelStatus(), "numeric")

    def _optimum(self, reduced: _Reduced) -> Optimum | None:
        """Return the optimum HiGHS stands at, if it can be proven.

        Steady state and bounds are checked on x itself; the duals belong to the reduced problem, whose
        optimum is the same.
        """
        solution = self._highs.getSolution()
        z = np.array(solution.col_value)
        lower, upper, cost = reduced.full
        x = self._reduction.expand(z, lower, upper)
        if not np.isfinite(x).all():
            return None
        value = float(cost @ x)
        slopes = reduced.cost - self._transposed @ np.array(solution.row_dual)
        certificate = Certificate(
            residual=float(np.max(np.abs(self.matrix @ x), initial=0.0)),
            bound_violation=float(np.max(np.maximum(lower - x, x - upper), initial=0.0)),
            duality_gap=_gap(value, z, slopes, reduced.lower, reduced.upper),
        )
        if not proves(certificate, x, value):
            return None
        return Optimum(x, value, certificate, self._highs.getBasis())


def proves(certificate: Certificate, x: Vector, value: float) -> bool:
    """Return whether `certificate` proves `value` at `x` within this module's tolerances."""
    allowed = MAX_RESIDUAL * max(1.0, float(np.max(np.abs(x), initial=0.0)))
    gap = certificate.duality_gap
    return (
        certificate.residual <= allowed
        and certificate.bound_violation <= allowed
        and gap is not None
        and gap <= MAX_GAP * max(1.0, abs(value))
    )


def worst(certificates: list[Certificate]) -> Certificate:
    """Return the certificate that holds for all of several answers."""
    return Certificate(
        residual=max(one.residual for one in certificates),
        bound_violation=max(one.bound_violation for one in certificates),
        duality_gap=max(one.duality_gap or 0.0 for one in certificates),
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


def _highs(matrix: sparse.csc_array) -> Any:
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in _OPTIONS.items():
        highs.setOptionValue(name, value)
    rows, columns = matrix.shape
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = rows, columns
    program.row_lower_ = program.row_upper_ = np.zeros(rows)
    program.col_cost_ = program.col_lower_ = program.col_upper_ = np.zeros(columns)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = matrix.indptr
    program.a_matrix_.index_ = matrix.indices
    program.a_matrix_.value_ = matrix.data
    highs.passModel(program)
    return highs
