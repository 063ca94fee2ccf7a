"""One linear program, from bounds and costs of x to a vertex with the numbers of its certificate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.folding import Folding, fold, fold_cost
from bioxen.server.engines.metabolic.kernel.proof import prove, scatter
from bioxen.server.engines.metabolic.kernel.simplex import solve
from bioxen.server.engines.metabolic.kernel.state import INFEASIBLE, OPTIMAL, State, allocate, refine_slopes
from bioxen.server.engines.metabolic.kernel.tableau import Tableau, columns_of
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.reduction import Reduction

ROUGH = 1e-8
"""A larger duality gap is worth a step of iterative refinement of the duals."""


class Room(NamedTuple):
    """Work space beside that of the simplex."""

    low: Vector
    high: Vector
    cost: Vector
    z: Vector
    activity: Vector


class Kernel(NamedTuple):
    """A tableau, how x folds into its columns, and room to work; a run leaves nothing that another reads."""

    tableau: Tableau
    folding: Folding
    state: State
    room: Room
    saved: State
    """Room for a point in a run to come back to."""


def build_kernel(matrix: sparse.csc_array, reduction: Reduction, tableau: Tableau) -> Kernel:
    """Return a kernel for programs over x with A = `matrix`."""
    count = reduction.matrix.shape[1]
    folding = Folding(
        root=reduction.root.astype(np.int64),
        factor=reduction.factor,
        members=reduction.members.astype(np.int64),
        starts=np.append(reduction.starts, len(reduction.members)).astype(np.int64),
        matrix=columns_of(matrix),
        rows=matrix.shape[0],
    )
    room = Room(
        low=np.zeros(count),
        high=np.zeros(count),
        cost=np.zeros(count),
        z=np.zeros(count),
        activity=np.zeros(matrix.shape[0]),
    )
    return Kernel(tableau, folding, allocate(tableau), room, allocate(tableau, pivots=0))


@compiled
def optimise(
    kernel: Kernel, lower: Vector, upper: Vector, cost: Vector, x: Vector
) -> tuple[int, tuple[float, float, float, float, float]]:
    """Write the x with the least cost; return the status and `prove`'s numbers."""
    t, f, s, r = kernel.tableau, kernel.folding, kernel.state, kernel.room
    if not fold(f, lower, upper, r.low, r.high):
        return INFEASIBLE, (0.0, 0.0, 0.0, 0.0, 0.0)
    fold_cost(f, cost, r.cost)
    status = solve(t, s, r.low, r.high, r.cost)
    if status != OPTIMAL:
        return status, (0.0, 0.0, 0.0, 0.0, 0.0)
    return status, certify(kernel, lower, upper, cost, x)


@compiled
def certify(
    kernel: Kernel, lower: Vector, upper: Vector, cost: Vector, x: Vector
) -> tuple[float, float, float, float, float]:
    """Write the x of the vertex the state stands at; return `prove`'s numbers."""
    t, f, s, r = kernel.tableau, kernel.folding, kernel.state, kernel.room
    scatter(s, r.z)
    proof = prove(f, r.z, s.all_slopes, (r.low, r.high), (lower, upper, cost), x, r.activity)
    if not proof[3] <= ROUGH * max(1.0, abs(proof[0])):
        refine_slopes(t, s, r.cost)
        proof = prove(f, r.z, s.all_slopes, (r.low, r.high), (lower, upper, cost), x, r.activity)
    return proof
