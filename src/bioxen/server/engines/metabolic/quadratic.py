"""Least-squares programs by Clarabel: min ½·Σ weight·(x − target)², A·x = 0, lower ≤ x ≤ upper.

An interior-point method: deterministic, and without a basis. It solves the same problem over the columns that
the reduction leaves, in which the squares stay a diagonal; columns that the bounds fix go to the right-hand
side, and bounds far from the target are first left out: an answer that keeps them too is the optimum. It
counts only with the residuals of the Karush–Kuhn–Tucker conditions of all bounds, computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import clarabel
import numpy as np
from scipy import sparse

from bioxen.protocol.metabolic import Certificate
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.proof import proves
from bioxen.server.engines.metabolic.reduction import Reduction
from bioxen.server.engines.metabolic.rows import excess
from bioxen.server.engines.metabolic.solver import LinearProgram, NoOptimum

CLARABEL_VERSION: str = clarabel.__version__
TOLERANCE = 1e-12
"""Gap and feasibility that Clarabel works to; it often ends a little short, and the certificate tells."""
MAX_KKT = 1e-6
"""Largest accepted residual of stationarity, mmol/gDW/h."""
FAR = 10.0
"""Bounds are left out at first that are further from the target than the bounds alone ask for, times this."""


@dataclass(frozen=True, slots=True, eq=False)
class NearestPoint:
    """A proven optimum."""

    x: Vector
    value: float
    certificate: Certificate


@dataclass(frozen=True, slots=True, eq=False)
class _Reduced:
    """The problem over z, in the difference from its target: then a small distance comes out right."""

    matrix: sparse.csc_array
    balance: Vector
    """What A·difference must be: −A·target."""
    lower: Vector
    upper: Vector
    target: Vector
    weight: Vector


def nearest(
    programs: LinearProgram, lower: Vector, upper: Vector, target: Vector, weight: Vector
) -> NearestPoint | NoOptimum:
    """Return the x nearest to `target`, for bounds that some x is known to meet."""
    reduced = _reduce(programs.reduction, lower, upper, target, weight)
    if reduced is None:
        return NoOptimum("infeasible")
    missed = np.maximum(np.maximum(reduced.lower, -reduced.upper), 0.0)
    distance = float(np.sqrt(reduced.weight @ missed**2))  # the least that the bounds alone ask for
    for reach in (FAR * max(1.0, distance), np.inf):
        found = _solve(reduced, reach)
        if found is None:
            continue
        difference, prices, kkt = found
        x = programs.reduction.expand(reduced.target + difference, lower, upper)
        value = 0.5 * float(weight @ (x - target) ** 2)
        certificate = Certificate(
            residual=float(np.max(np.abs(programs.matrix @ x), initial=0.0)),
            bound_violation=excess(x, lower, upper),
            duality_gap=_gap(difference, prices, reduced),
            kkt_residual=kkt,
        )
        if proves(certificate, x, value) and kkt <= MAX_KKT:
            return NearestPoint(x, value, certificate)
    return NoOptimum("numeric")


def _reduce(
    reduction: Reduction, lower: Vector, upper: Vector, target: Vector, weight: Vector
) -> _Reduced | None:
    """Return the problem over z: a sum of squares for each, apart from what no z can change."""
    bounds = reduction.fold_bounds(lower, upper)
    if bounds is None:
        return None
    squares = reduction.fold_cost(weight * reduction.factor)
    middle = reduction.fold_cost(weight * target) / np.where(squares > 0, squares, 1.0)
    return _Reduced(
        matrix=reduction.matrix,
        balance=-(reduction.matrix @ middle),
        lower=bounds[0] - middle,
        upper=bounds[1] - middle,
        target=middle,
        weight=squares,
    )


def _solve(reduced: _Reduced, reach: float) -> tuple[Vector, Vector, float] | None:
    """Return the difference, the duals of the balances and the residual of stationarity.

    Bounds out of `reach` are left out.
    """
    fixed = reduced.lower == reduced.upper
    free = np.flatnonzero(~fixed)
    kept = np.where(fixed, reduced.lower, 0.0)
    matrix = sparse.csr_array(reduced.matrix[:, free])
    rows = np.flatnonzero(np.diff(matrix.indptr) > 0)
    weight, lower, upper = reduced.weight[free], reduced.lower[free], reduced.upper[free]
    limit = np.where(weight > 0, reach / np.sqrt(np.where(weight > 0, weight, 1.0)), np.finfo(float).max)
    below, above = np.flatnonzero(upper <= limit), np.flatnonzero(lower >= -limit)
    unit = sparse.eye_array(len(free), format="csr")
    cones = sparse.vstack([matrix[rows], unit[below], -unit[above]], format="csc")
    balance = (reduced.balance - reduced.matrix @ kept)[rows]
    right = np.concatenate([balance, upper[below], -lower[above]])
    solution = _clarabel(weight, cones, right, len(rows))
    difference, duals = np.array(solution.x), np.array(solution.z)
    if not (np.isfinite(difference).all() and np.isfinite(duals).all()):
        return None
    kept[free] = np.clip(difference, lower, upper)
    prices = np.zeros(reduced.matrix.shape[0])
    prices[rows] = duals[: len(rows)]
    duals[len(rows) :] = np.maximum(duals[len(rows) :], 0.0)
    stationarity = weight * kept[free] + cones.T @ duals
    return kept, prices, float(np.max(np.abs(stationarity), initial=0.0))


def _clarabel(weight: Vector, rows: sparse.csc_array, right: Vector, equations: int) -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.direct_solve_method = "qdldl"
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = TOLERANCE
    kinds = [clarabel.ZeroConeT(equations), clarabel.NonnegativeConeT(len(right) - equations)]
    # Clarabel takes scipy's older matrix type.
    squares, matrix = sparse.csc_matrix(sparse.diags_array(weight)), sparse.csc_matrix(rows)
    return clarabel.DefaultSolver(squares, np.zeros(len(weight)), matrix, right, kinds, settings).solve()


def _gap(difference: Vector, prices: Vector, reduced: _Reduced) -> float:
    """Return how far the value can be from the least.

    For any prices of the balances the least of the Lagrangian between the bounds is a dual bound: it needs no
    multipliers of the bounds.
    """
    weight, lower, upper = reduced.weight, reduced.lower, reduced.upper
    slope = reduced.matrix.T @ prices
    flat = weight == 0
    best = np.clip(-slope / np.where(flat, 1.0, weight), lower, upper)
    pressed = np.where(slope > 0, lower, upper)
    idle = np.isinf(pressed) & (np.abs(slope) <= MAX_KKT)
    best[flat] = np.where(idle, difference, pressed)[flat]
    least = 0.5 * weight @ best**2 + slope @ best - prices @ reduced.balance
    return abs(float(0.5 * weight @ difference**2 - least))
