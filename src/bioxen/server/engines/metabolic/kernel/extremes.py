"""How little and how much each variable can be: two programs for each, all from one vertex.

Most of these programs are never solved:

* a variable that some proven vertex has at a bound cannot go further;
* one whose reduced cost is large beside what the costs may still rise by cannot move at all;
* a vertex at which a variable is further than ever before may be that variable's own optimum, and if its
  reduced costs say so, it is proven there.
"""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled, entry
from bioxen.server.engines.metabolic.kernel.front import Kernel, conclude, optimise
from bioxen.server.engines.metabolic.kernel.primal import primal
from bioxen.server.engines.metabolic.kernel.proof import Proof, gap_between
from bioxen.server.engines.metabolic.kernel.saved import restore, save
from bioxen.server.engines.metabolic.kernel.simplex import finish, is_optimal
from bioxen.server.engines.metabolic.kernel.state import FEASIBLE, OPTIMAL, positions, read_row
from bioxen.server.engines.metabolic.kernel.tableau import Flags, Numbers, Table
from bioxen.server.engines.metabolic.kernel.values import recompute_slopes
from bioxen.server.engines.metabolic.network import Vector

FARTHER = 1e-6
"""A variable must be further than before by this share for a vertex to be looked at as its optimum."""


@entry
def extremes(
    kernel: Kernel,
    lower: Vector,
    upper: Vector,
    cost: Vector,
    wanted: Flags,
    found: Table,
    limits: tuple[float, float],
    worst: Vector,
) -> None:
    """Write the least and the greatest z where `wanted` and proven, and the worst of the proofs' numbers."""
    s, f, r = kernel.state, kernel.folding, kernel.room
    x = np.zeros(lower.size)
    status, proof = optimise(kernel, lower, upper, cost, x)
    if status != OPTIMAL or not _is_proof(proof, limits):
        return
    _note(kernel, found)
    _worsen(worst, proof)
    position = np.zeros(s.z.size, np.int64)
    positions(s, position)
    _fix(kernel, found, position, proof[3], limits[1])
    save(s, kernel.saved)
    one, here, farthest = np.zeros(lower.size), np.zeros(s.z.size, np.int64), np.zeros_like(found)
    for z in range(wanted.size):
        farthest[0, z] = farthest[1, z] = s.z[z]
        for side in range(2):
            if wanted[z] and np.isnan(found[side, z]):
                _try(kernel, found, position, z, side, proof, limits, worst)
    for z in range(wanted.size):
        member = f.members[f.starts[z]]
        for side in range(2):
            if not wanted[z] or not np.isnan(found[side, z]):
                continue
            restore(s, kernel.saved)
            sign = _aim(kernel, z, side)
            one[member] = sign / f.factor[member]
            _turn(kernel, position[z], sign)
            status = primal(kernel.tableau, s)
            if status == OPTIMAL:
                status = finish(kernel.tableau, s, r.cost, False)
            status, proof = conclude(kernel, status, lower, upper, one, x)
            one[member] = 0.0
            if status == OPTIMAL and _is_proof(proof, limits):
                found[side, z] = s.z[z]
                _note(kernel, found)
                _worsen(worst, proof)
                positions(s, here)
                _try_others(kernel, wanted, found, farthest, here, proof, limits, worst)


@compiled
def _aim(kernel: Kernel, z: int, side: int) -> float:
    """Make the least (side 0) or the greatest z the goal; return its sign."""
    sign = 1.0 if side == 0 else -1.0
    kernel.room.cost.fill(0.0)
    kernel.room.cost[z] = sign
    return sign


@compiled
def _turn(kernel: Kernel, p: int, sign: float) -> None:
    """Take the reduced costs of the variable at p, times `sign`, from T_k."""
    s = kernel.state
    if p < s.rows:
        read_row(kernel.tableau, s, p)
        slopes, entries = s.slopes[s.rows :], s.entries[s.rows :]
        for j in range(slopes.size):
            slopes[j] = -sign * entries[j]
    else:
        s.slopes.fill(0.0)
        s.slopes[p] = sign


@compiled
def _try_others(
    kernel: Kernel,
    wanted: Flags,
    found: Table,
    farthest: Table,
    here: Numbers,
    proof: Proof,
    limits: tuple[float, float],
    worst: Vector,
) -> None:
    """Look at the proven vertex where the state stands as the optimum of those it has farther than before."""
    s = kernel.state
    for z in range(wanted.size):
        value = s.z[z]
        step = FARTHER * max(1.0, abs(value))
        for side in range(2):
            if side == 0:
                if value >= farthest[0, z] - step:
                    continue
            elif value <= farthest[1, z] + step:
                continue
            farthest[side, z] = value
            if wanted[z] and np.isnan(found[side, z]):
                _try(kernel, found, here, z, side, proof, limits, worst)


@compiled
def _try(
    kernel: Kernel,
    found: Table,
    here: Numbers,
    z: int,
    side: int,
    proof: Proof,
    limits: tuple[float, float],
    worst: Vector,
) -> None:
    """Look at the proven vertex where the state stands as the optimum of this z; that needs other duals."""
    s, r = kernel.state, kernel.room
    sign = _aim(kernel, z, side)
    _turn(kernel, here[z], sign)
    if not is_optimal(s):
        return
    recompute_slopes(kernel.tableau, s, r.cost)
    value = sign * s.z[z]
    own = (value, proof[1], proof[2], gap_between(value, s.z, s.all_slopes, (r.low, r.high)), proof[4])
    if is_optimal(s) and _is_proof(own, limits):
        found[side, z] = s.z[z]
        _worsen(worst, own)


@compiled
def _is_proof(proof: Proof, limits: tuple[float, float]) -> bool:
    value, residual, excess, gap, largest = proof
    allowed = limits[0] * max(1.0, largest)
    return residual <= allowed and excess <= allowed and gap <= limits[1] * max(1.0, abs(value))


@compiled
def _note(kernel: Kernel, found: Table) -> None:
    """Note the variables that this vertex has at a bound."""
    r, s = kernel.room, kernel.state
    near = s.near[0]
    for z in range(found.shape[1]):
        found[0, z] = r.low[z] if abs(s.z[z] - r.low[z]) <= near else found[0, z]
        found[1, z] = r.high[z] if abs(s.z[z] - r.high[z]) <= near else found[1, z]


@compiled
def _fix(kernel: Kernel, found: Table, position: Numbers, gap: float, allowed: float) -> None:
    """Note, and hold, the variables that the bounds of the objective allow no move.

    cost·z = Σ slopes·z wherever A·z = 0, and no term can be less than at the bound it presses against. A move
    of one z from there raises the costs by its reduced cost; they cannot rise above the bounds' own worst.
    """
    r, s = kernel.room, kernel.state
    spare = 0.0
    for z in range(found.shape[1]):
        cost = r.cost[z]
        if cost != 0.0:
            spare += cost * ((r.high[z] if cost > 0.0 else r.low[z]) - s.z[z])
    for z in range(found.shape[1]):
        slope, p = s.all_slopes[z], position[z]
        if p >= s.rows and spare <= FEASIBLE * abs(slope) and gap <= allowed * abs(slope) and slope != 0.0:
            found[0, z] = found[1, z] = r.low[z] = r.high[z] = s.low[p] = s.high[p] = s.x[p]


@compiled
def _worsen(worst: Vector, proof: Proof) -> None:
    for i in range(worst.size):
        worst[i] = max(worst[i], abs(proof[i]))
