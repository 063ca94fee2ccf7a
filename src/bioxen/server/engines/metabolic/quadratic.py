"""Least-squares programs by Clarabel: min ½·Σ weight·(x − target)², A·x = 0, lower ≤ x ≤ upper.

An interior-point method: deterministic, and without a basis. Its answer counts only with the residuals of the
Karush–Kuhn–Tucker conditions, computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import clarabel
import numpy as np
from scipy import sparse

from bioxen.protocol.metabolic import Certificate
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.rows import excess
from bioxen.server.engines.metabolic.solver import NoOptimum, proves

CLARABEL_VERSION: str = clarabel.__version__
TOLERANCE = 1e-12
"""Gap and feasibility that Clarabel works to; it often ends a little short, and the certificate tells."""
MAX_KKT = 1e-6
"""Largest accepted stationarity residual, relative to the largest multiplier if that is above 1."""


@dataclass(frozen=True, slots=True, eq=False)
class NearestPoint:
    """A proven optimum."""

    x: Vector
    value: float
    certificate: Certificate


@dataclass(frozen=True, slots=True, eq=False)
class _Cones:
    """A·x + s = b with s in a zero cone (equations, then fixed columns) and a non-negative one (bounds)."""

    matrix: sparse.csc_array
    right: Vector
    equations: int


def nearest(
    matrix: sparse.csc_array, lower: Vector, upper: Vector, target: Vector, weight: Vector
) -> NearestPoint | NoOptimum:
    """Return the x nearest to `target`, for bounds that some x is known to meet."""
    # In the difference from the target the objective is the distance itself, so a small one comes out right.
    cones = _cones(matrix, lower - target, upper - target, -(matrix @ target))
    solution = _solve(sparse.csc_array(sparse.diags_array(weight)), cones)
    difference, duals = np.array(solution.x), np.array(solution.z)
    if not (np.isfinite(difference).all() and np.isfinite(duals).all()):
        return NoOptimum("numeric")
    x = np.clip(target + difference, lower, upper)
    return _checked(matrix, x, duals, (lower, upper, target, weight), cones)


def _solve(quadratic: sparse.csc_array, cones: _Cones) -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = TOLERANCE
    kinds = [
        clarabel.ZeroConeT(cones.equations),
        clarabel.NonnegativeConeT(len(cones.right) - cones.equations),
    ]
    # Clarabel takes scipy's older matrix type.
    upper_triangle, rows = sparse.csc_matrix(quadratic), sparse.csc_matrix(cones.matrix)
    nothing = np.zeros(rows.shape[1])
    return clarabel.DefaultSolver(upper_triangle, nothing, rows, cones.right, kinds, settings).solve()


def _cones(matrix: sparse.csc_array, lower: Vector, upper: Vector, balance: Vector) -> _Cones:
    identity = sparse.eye_array(matrix.shape[1], format="csr")
    fixed = np.flatnonzero(lower == upper)
    below = np.flatnonzero(np.isfinite(upper) & (lower < upper))
    above = np.flatnonzero(np.isfinite(lower) & (lower < upper))
    rows = sparse.vstack([matrix, identity[fixed], identity[below], -identity[above]])
    right = np.concatenate([balance, lower[fixed], upper[below], -lower[above]])
    return _Cones(sparse.csc_array(rows), right, matrix.shape[0] + len(fixed))


def _checked(
    matrix: sparse.csc_array,
    x: Vector,
    duals: Vector,
    problem: tuple[Vector, Vector, Vector, Vector],
    cones: _Cones,
) -> NearestPoint | NoOptimum:
    """Return x with its certificate, if that proves it."""
    lower, upper, target, weight = problem
    gradient = weight * (x - target)
    value = 0.5 * float(gradient @ (x - target))
    pull = cones.matrix.T @ duals
    dual = -value - float(cones.right @ duals)
    stationarity = float(np.max(np.abs(gradient + pull), initial=0.0))
    certificate = Certificate(
        residual=float(np.max(np.abs(matrix @ x), initial=0.0)),
        bound_violation=excess(x, lower, upper),
        duality_gap=abs(value - dual),
        kkt_residual=stationarity,
    )
    size = max(1.0, float(np.max(np.abs(gradient), initial=0.0)))
    signs = duals[cones.equations :]
    proven = proves(certificate, x, value) and stationarity <= MAX_KKT * size
    if not proven or np.any(signs < -MAX_KKT):
        return NoOptimum("numeric")
    return NearestPoint(x, value, certificate)
