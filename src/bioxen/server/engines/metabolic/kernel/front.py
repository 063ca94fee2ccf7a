"""One linear program, from bounds and costs of x to a vertex with the numbers of its certificate."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from bioxen.server.engines.metabolic.kernel.compiled import compiled, entry
from bioxen.server.engines.metabolic.kernel.folding import Folding, fold, fold_cost
from bioxen.server.engines.metabolic.kernel.proof import Proof, prove
from bioxen.server.engines.metabolic.kernel.saved import Point, point_of
from bioxen.server.engines.metabolic.kernel.simplex import finish, solve
from bioxen.server.engines.metabolic.kernel.state import INFEASIBLE, OPTIMAL, State, allocate
from bioxen.server.engines.metabolic.kernel.tableau import Tableau, columns_of
from bioxen.server.engines.metabolic.kernel.values import refine_slopes, scatter
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.reduction import Reduction

ROUGH = 1e-8
"""A larger duality gap is worth a step of iterative refinement of the duals."""
NO_PROOF = (np.nan, np.nan, np.nan, np.nan, np.nan)


class Room(NamedTuple):
    """Work space beside that of the simplex."""

    low: Vector
    """By variable, like the next two."""
    high: Vector
    cost: Vector
    activity: Vector
    excess: Vector


class Kernel(NamedTuple):
    """A tableau, how x folds into its columns, and room to work; a run leaves nothing that another reads."""

    tableau: Tableau
    folding: Folding
    state: State
    room: Room
    saved: Point


def build_kernel(matrix: sparse.csc_array, reduction: Reduction, tableau: Tableau) -> Kernel:
    """Return a kernel for programs over x with A = `matrix`."""
    state = allocate(tableau)
    stopped = reduction.root < 0
    folding = Folding(
        root=np.where(stopped, len(state.z) - 1, reduction.root).astype(np.uint32),
        factor=reduction.factor.copy(),
        share=1.0 / reduction.factor,
        stopped=np.flatnonzero(stopped),
        members=reduction.members.astype(np.int64),
        starts=np.append(reduction.starts, len(reduction.members)).astype(np.int64),
        matrix=columns_of(matrix),
    )
    room = Room(
        low=np.zeros_like(state.z),
        high=np.zeros_like(state.z),
        cost=np.zeros_like(state.z),
        activity=np.zeros(matrix.shape[0]),
        excess=np.zeros(matrix.shape[1]),
    )
    return Kernel(tableau, folding, state, room, point_of(state))


@entry
def optimise(kernel: Kernel, lower: Vector, upper: Vector, cost: Vector, x: Vector) -> tuple[int, Proof]:
    """Write the x with the least cost; return the status and the certificate."""
    t, f, s, r = kernel.tableau, kernel.folding, kernel.state, kernel.room
    if not fold(f, lower, upper, r.low, r.high):
        return INFEASIBLE, NO_PROOF
    fold_cost(f, cost, r.cost)
    return conclude(kernel, solve(t, s, r.low, r.high, r.cost), lower, upper, cost, x)


@compiled
def conclude(
    kernel: Kernel, status: int, lower: Vector, upper: Vector, cost: Vector, x: Vector
) -> tuple[int, Proof]:
    """Write the x of the vertex the state stands at; where its residual shows, go on from better values."""
    if status != OPTIMAL:
        return status, NO_PROOF
    proof = _certify(kernel, lower, upper, cost, x)
    if proof[1] > kernel.state.near[0]:
        status = finish(kernel.tableau, kernel.state, kernel.room.cost, True)
        if status != OPTIMAL:
            return status, NO_PROOF
        proof = _certify(kernel, lower, upper, cost, x)
    return status, proof


@compiled
def _certify(kernel: Kernel, lower: Vector, upper: Vector, cost: Vector, x: Vector) -> Proof:
    f, s, r = kernel.folding, kernel.state, kernel.room
    scatter(s)
    reduced, full, work = (r.low, r.high), (lower, upper, cost), (r.activity, r.excess)
    proof = prove(f, s.z, s.all_slopes, reduced, full, x, work)
    if not proof[3] <= ROUGH * max(1.0, abs(proof[0])):
        refine_slopes(kernel.tableau, s)
        proof = prove(f, s.z, s.all_slopes, reduced, full, x, work)
    return proof
