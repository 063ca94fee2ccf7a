"""How little and how much each variable can be: two programs for each, all from one vertex.

A variable that some proven vertex has at a bound cannot go further: most of the programs are never solved.
"""

from __future__ import annotations

import numpy as np

from bioxen.server.engines.metabolic.kernel.compiled import compiled, entry
from bioxen.server.engines.metabolic.kernel.front import Kernel, conclude, optimise
from bioxen.server.engines.metabolic.kernel.proof import Proof
from bioxen.server.engines.metabolic.kernel.saved import restore, save
from bioxen.server.engines.metabolic.kernel.simplex import finish
from bioxen.server.engines.metabolic.kernel.state import OPTIMAL
from bioxen.server.engines.metabolic.kernel.tableau import Flags, Table
from bioxen.server.engines.metabolic.network import Vector


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
    save(s, kernel.saved)
    one = np.zeros(lower.size)
    for z in range(wanted.size):
        if not wanted[z]:
            continue
        member = f.members[f.starts[z]]
        for side in range(2):
            if not np.isnan(found[side, z]):
                continue
            sign = 1.0 if side == 0 else -1.0
            restore(s, kernel.saved)
            r.cost.fill(0.0)
            r.cost[z], one[member] = sign, sign / f.factor[member]
            status, proof = conclude(kernel, finish(kernel.tableau, s, r.cost, False), lower, upper, one, x)
            if status == OPTIMAL and _is_proof(proof, limits):
                found[side, z] = s.z[z]
                _note(kernel, found)
                _worsen(worst, proof)
            one[member] = 0.0


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
def _worsen(worst: Vector, proof: Proof) -> None:
    for i in range(worst.size):
        worst[i] = max(worst[i], abs(proof[i]))
