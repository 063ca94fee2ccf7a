"""Mixed-integer linear programs by HiGHS, with deterministic settings and a checked answer.

HiGHS chooses the integers. They are then fixed, and the linear program that is left is solved and proven, so
no flux of an answer leans on an integer being 0.999999. Work is bounded by nodes, not by time: the same
request stops at the same place on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.proof import MAX_GAP
from bioxen.server.engines.metabolic.rows import (
    STATUS,
    Mask,
    PricedOptimum,
    RowProgram,
    highs_of,
    with_gap,
)
from bioxen.server.engines.metabolic.solver import NoOptimum

TINY = 1e-6
"""A whole number may be missed by this."""
MAX_NODES = 10_000
"""Nodes of the search tree before it is given up as `numeric`."""
_OPTIONS: dict[str, Any] = {
    "mip_rel_gap": 0.0,
    "mip_abs_gap": MAX_GAP,
    "mip_feasibility_tolerance": 1e-9,  # times a big M of 1000 this is the flux a closed switch lets through
    "mip_max_nodes": MAX_NODES,
}


@dataclass(frozen=True, slots=True, eq=False)
class MixedProgram:
    """min cost·x, row_lower ≤ A·x ≤ row_upper, lower ≤ x ≤ upper, some x integer."""

    matrix: sparse.csc_array
    row_lower: Vector
    row_upper: Vector
    lower: Vector
    upper: Vector
    cost: Vector
    integer: Mask


def solve_mixed(
    program: MixedProgram, *, whole: bool = False, seconds: float | None = None, start: Vector | None = None
) -> PricedOptimum | NoOptimum:
    """Return the best x, or why there is none; the certificate's gap is that to the proven bound.

    Args:
        program: the program.
        whole: whether values are whole numbers, so that a gap below one is none.
        seconds: when the search ends with the best x it has, whatever its gap; its nodes alone bound it where
            absent.
        start: some x that the search can begin with.
    """
    if np.any(program.lower > program.upper):
        return NoOptimum("infeasible")
    highs = highs_of(
        program.matrix,
        (program.row_lower, program.row_upper),
        (program.lower, program.upper),
        program.cost,
        program.integer,
    )
    for name, value in _OPTIONS.items():
        highs.setOptionValue(name, value)
    if whole:
        highs.setOptionValue("mip_abs_gap", 1.0 - TINY)
    if seconds is not None:
        highs.setOptionValue("time_limit", seconds)
    if start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start.tolist()
        highs.setSolution(solution)
    highs.run()
    status, info = STATUS.get(highs.getModelStatus(), "numeric"), highs.getInfo()
    has_some = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    ended_early = seconds is not None and status == "numeric" and has_some
    if status != "optimal" and not ended_early:
        return NoOptimum(status)
    bound = max(info.mip_dual_bound, _least(program))  # HiGHS has none yet where it is stopped at once
    if whole:
        bound = float(np.ceil(bound - TINY))
    chosen = np.array(highs.getSolution().col_value)
    return _with_integers_fixed(program, chosen, bound, np.inf if ended_early else 2 * MAX_GAP)


def _least(program: MixedProgram) -> float:
    """Return what the bounds of x alone leave of the objective; minus infinity where they leave all of it."""
    priced = program.cost != 0
    cost, lower, upper = program.cost[priced], program.lower[priced], program.upper[priced]
    return float(np.minimum(cost * lower, cost * upper).sum())


def _with_integers_fixed(
    program: MixedProgram, chosen: Vector, bound: float, allowed: float
) -> PricedOptimum | NoOptimum:
    lower, upper = program.lower.copy(), program.upper.copy()
    lower[program.integer] = upper[program.integer] = np.rint(chosen[program.integer])
    rows = RowProgram(program.matrix, program.row_lower, program.row_upper)
    optimum = rows.solve(lower, upper, program.cost)
    if isinstance(optimum, NoOptimum):  # HiGHS's answer was one within tolerances only
        return NoOptimum("numeric")
    gap = max(abs(optimum.value - bound), optimum.certificate.duality_gap or 0.0)
    if gap > allowed * max(1.0, abs(optimum.value)):
        return NoOptimum("numeric")
    return with_gap(optimum, gap)
