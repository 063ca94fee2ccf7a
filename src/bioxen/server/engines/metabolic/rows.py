"""Linear programs with their duals: min cost·x, row_lower ≤ A·x ≤ row_upper, lower ≤ x ≤ upper.

For what the warm programs of `solver` do not tell: shadow prices, reduced costs, the set of all optima. One
instance lives within one request. Its solves start where the one before ended, so they depend on that request
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bioxen.protocol.metabolic import Certificate, MetabolicStatus
from bioxen.server.engines.metabolic.highs import TOLERANCE
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.proof import proves
from bioxen.server.engines.metabolic.solver import NoOptimum

Mask = NDArray[np.bool_]

PRICED = 10 * TOLERANCE
"""A reduced cost above this size is one; the solver's tolerance keeps smaller ones from meaning anything."""
OPTIONS: dict[str, Any] = {
    "output_flag": False,
    "parallel": "off",
    "threads": 1,
    "random_seed": 0,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
}
"""What makes HiGHS give the same answer to the same program."""
_TRIES: tuple[dict[str, Any], ...] = (
    {"solver": "simplex", "presolve": "off", "simplex_strategy": 1, "simplex_scale_strategy": 0},
    {"solver": "simplex", "presolve": "off", "simplex_strategy": 4, "simplex_scale_strategy": 2},
    {"solver": "simplex", "presolve": "on", "simplex_strategy": 1, "simplex_scale_strategy": 2},
)
"""Tried in turn until an answer can be proven."""
STATUS: dict[Any, MetabolicStatus] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kModelEmpty: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
}


@dataclass(frozen=True, slots=True, eq=False)
class PricedOptimum:
    """A proven optimum with its duals."""

    x: Vector
    value: float
    """cost·x."""
    prices: Vector
    """Row → change of the value with the row's right-hand side."""
    slopes: Vector
    """Column → change of the value with the bound it stands at (reduced cost)."""
    certificate: Certificate


class RowProgram:
    """All linear programs on one set of rows, in one HiGHS instance that goes on from its last basis."""

    def __init__(self, matrix: sparse.csc_array, row_lower: Vector, row_upper: Vector) -> None:
        self.matrix, self.row_lower, self.row_upper = sparse.csc_array(matrix), row_lower, row_upper
        self._transposed = sparse.csr_array(self.matrix.T)
        self._columns = np.arange(self.matrix.shape[1], dtype=np.int32)
        nothing = np.zeros(len(self._columns))
        self._highs = highs_of(self.matrix, (row_lower, row_upper), (nothing, nothing), nothing)

    def solve(self, lower: Vector, upper: Vector, cost: Vector) -> PricedOptimum | NoOptimum:
        """Return the least cost·x with its duals, or why there is none."""
        if np.any(lower > upper):
            return NoOptimum("infeasible")
        said: list[MetabolicStatus] = []
        for options in _TRIES:
            said.append(self._run(lower, upper, cost, options))
            found = self._optimum(lower, upper, cost) if said[-1] == "optimal" else None
            if found is not None:
                return found
            if len(said) > 1 and said[-1] == said[-2] and said[-1] in ("infeasible", "unbounded"):
                return NoOptimum(said[-1])  # two algorithms agree
        return NoOptimum("numeric")

    def _run(self, lower: Vector, upper: Vector, cost: Vector, options: dict[str, Any]) -> MetabolicStatus:
        highs, count = self._highs, len(self._columns)
        for name, value in options.items():
            highs.setOptionValue(name, value)
        if options is not _TRIES[0]:
            highs.clearSolver()  # what failed is no good start
        highs.changeColsBounds(count, self._columns, lower, upper)
        highs.changeColsCost(count, self._columns, cost)
        highs.run()
        return STATUS.get(highs.getModelStatus(), "numeric")

    def _optimum(self, lower: Vector, upper: Vector, cost: Vector) -> PricedOptimum | None:
        solution = self._highs.getSolution()
        x = np.clip(np.array(solution.col_value), lower, upper)
        prices = np.array(solution.row_dual)
        if not np.isfinite(x).all():
            return None
        slopes = cost - self._transposed @ prices
        value = float(cost @ x)
        activity = self.matrix @ x
        gap = _gap(value, (x, slopes, lower, upper), (activity, prices, self.row_lower, self.row_upper))
        certificate = Certificate(
            residual=excess(activity, self.row_lower, self.row_upper),
            bound_violation=excess(x, lower, upper),
            duality_gap=gap,
        )
        return PricedOptimum(x, value, prices, slopes, certificate) if proves(certificate, x, value) else None


def face(optimum: PricedOptimum, lower: Vector, upper: Vector) -> tuple[Vector, Vector]:
    """Return the bounds of all optima: where a reduced cost presses, every optimum stands at that bound.

    That is complementary slackness, and it needs no tolerance on the objective. It holds on the rows that are
    equations; callers with inequalities must give them slack columns.
    """
    low, high = lower.copy(), upper.copy()
    high[optimum.slopes > PRICED] = lower[optimum.slopes > PRICED]
    low[optimum.slopes < -PRICED] = upper[optimum.slopes < -PRICED]
    return low, high


def steady_state(matrix: sparse.csc_array) -> RowProgram:
    """Return the programs with A·x = 0."""
    zero = np.zeros(matrix.shape[0])
    return RowProgram(matrix, zero, zero)


def excess(values: Vector, lower: Vector, upper: Vector) -> float:
    """Return by how much the worst value is outside its limits."""
    return float(np.max(np.maximum(lower - values, values - upper), initial=0.0))


def with_gap(optimum: PricedOptimum, gap: float) -> PricedOptimum:
    """Return `optimum` with another gap: of the mixed-integer program that it belongs to."""
    certificate = optimum.certificate.model_copy(update={"duality_gap": gap})
    return replace(optimum, certificate=certificate)


def highs_of(
    matrix: sparse.csc_array,
    rows: tuple[Vector, Vector],
    bounds: tuple[Vector, Vector],
    cost: Vector,
    integer: Mask | None = None,
) -> Any:
    """Return a HiGHS instance with this program and deterministic settings."""
    highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in OPTIONS.items():
        highs.setOptionValue(name, value)
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = matrix.shape
    program.row_lower_, program.row_upper_ = rows
    program.col_lower_, program.col_upper_ = bounds
    program.col_cost_ = cost
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = matrix.indptr
    program.a_matrix_.index_ = matrix.indices
    program.a_matrix_.value_ = matrix.data
    if integer is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        program.integrality_ = [kinds[bool(one)] for one in integer]
    highs.passModel(program)
    return highs


def stacked(blocks: Sequence[Sequence[Any]]) -> sparse.csc_array:
    """Return the matrix that is made of these blocks; `None` stands for zeros."""
    return sparse.csc_array(sparse.block_array(blocks))


_Side = tuple[Vector, Vector, Vector, Vector]


def _gap(value: float, columns: _Side, rows: _Side) -> float | None:
    """Return |primal − dual objective|; null where a dual presses against no limit."""
    parts = [_pressed(*side) for side in (columns, rows)]
    if any(part is None for part in parts):
        return None
    return abs(value - sum(part for part in parts if part is not None))


def _pressed(values: Vector, duals: Vector, lower: Vector, upper: Vector) -> float | None:
    limits = np.where(duals > 0, lower, upper)
    open_ended = np.isinf(limits)
    if np.any(np.abs(duals[open_ended]) > PRICED):
        return None
    return float(duals @ np.where(open_ended, values, limits))
