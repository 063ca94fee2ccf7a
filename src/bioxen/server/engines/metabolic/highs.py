"""HiGHS, with no memory: the second opinion, and the first where the kernel does not pay."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bioxen.server.engines.metabolic.network import Vector

HIGHS_VERSION = ".".join(
    str(part)
    for part in (highspy.HIGHS_VERSION_MAJOR, highspy.HIGHS_VERSION_MINOR, highspy.HIGHS_VERSION_PATCH)
)
TOLERANCE = 1e-9

Statuses = NDArray[np.int8]
Basis = tuple[Statuses, Statuses]
"""Status of each column and of each row, as HiGHS numbers them."""

_OPTIONS: dict[str, Any] = {
    "output_flag": False,
    "solver": "simplex",
    "presolve": "off",
    "parallel": "off",
    "threads": 1,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
}
DUAL = {"simplex_strategy": 1, "simplex_scale_strategy": 0}
PRIMAL = {"simplex_strategy": 4, "simplex_scale_strategy": 0}
PRIMAL_SCALED = {"simplex_strategy": 4, "simplex_scale_strategy": 2}
DUAL_SCALED = {"simplex_strategy": 1, "simplex_scale_strategy": 2}

_STATUS: dict[Any, str] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kModelEmpty: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
    highspy.HighsModelStatus.kUnboundedOrInfeasible: "either",
}
_BY_NUMBER = {int(status): status for status in highspy.HighsBasisStatus.__members__.values()}


class Highs:
    """One warm instance for programs min cost·z, A·z = 0, lower ≤ z ≤ upper.

    HiGHS keeps history unless it is cleared before each solve: a request would find traces of the one before.
    """

    def __init__(self, matrix: sparse.csc_array) -> None:
        self._columns = np.arange(matrix.shape[1], dtype=np.int32)
        self._highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for name, value in _OPTIONS.items():
            self._highs.setOptionValue(name, value)
        self._highs.passModel(_model(matrix))

    def run(
        self, lower: Vector, upper: Vector, cost: Vector, options: dict[str, Any], basis: Basis | None
    ) -> str:
        """Solve this problem and nothing else: all that a solve before it left is replaced."""
        highs, count = self._highs, len(self._columns)
        for name, value in options.items():
            highs.setOptionValue(name, value)
        taken = (
            highs.changeColsBounds(count, self._columns, lower, upper),
            highs.changeColsCost(count, self._columns, cost),
        )
        if highspy.HighsStatus.kError in taken:  # it would solve with what it had before
            return "numeric"
        highs.clearSolver()
        if basis is not None:
            highs.setBasis(_basis(basis))
        highs.run()
        return _STATUS.get(highs.getModelStatus(), "numeric")

    def solution(self) -> tuple[Vector, Vector]:
        """Return z and the duals of the rows."""
        solution = self._highs.getSolution()
        return np.array(solution.col_value), np.array(solution.row_dual)

    def basis(self) -> Basis:
        """Return the basis it stands at."""
        basis = self._highs.getBasis()
        return (
            np.array([int(status) for status in basis.col_status], dtype=np.int8),
            np.array([int(status) for status in basis.row_status], dtype=np.int8),
        )


def _basis(statuses: Basis) -> Any:
    basis: Any = highspy.HighsBasis()
    basis.col_status = [_BY_NUMBER[number] for number in statuses[0].tolist()]
    basis.row_status = [_BY_NUMBER[number] for number in statuses[1].tolist()]
    basis.valid = True
    basis.alien = False
    return basis


def _model(matrix: sparse.csc_array) -> Any:
    rows, columns = matrix.shape
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = rows, columns
    program.row_lower_ = program.row_upper_ = np.zeros(rows)
    program.col_cost_ = program.col_lower_ = program.col_upper_ = np.zeros(columns)
    program.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    program.a_matrix_.start_ = matrix.indptr
    program.a_matrix_.index_ = matrix.indices
    program.a_matrix_.value_ = matrix.data
    return program
