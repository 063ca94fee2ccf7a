"""Both methods in order: the dual simplex makes the vertex feasible, the primal one optimal."""

from __future__ import annotations

from bioxen.server.engines.metabolic.kernel.compiled import compiled
from bioxen.server.engines.metabolic.kernel.dual import dual, forgive
from bioxen.server.engines.metabolic.kernel.primal import primal
from bioxen.server.engines.metabolic.kernel.state import INFEASIBLE, NUMERIC, OPTIMAL, State, place
from bioxen.server.engines.metabolic.kernel.tableau import Tableau
from bioxen.server.engines.metabolic.kernel.values import recompute_slopes, recompute_x
from bioxen.server.engines.metabolic.network import Vector

ROUNDS = 6
"""How often the two methods may hand over to each other after the values were computed anew."""


@compiled
def solve(t: Tableau, s: State, lower: Vector, upper: Vector, cost: Vector) -> int:
    """Go from the canonical basis to the least cost·z within these bounds."""
    place(t, s, lower, upper)
    recompute_x(t, s, False)
    return mend(t, s, cost)


@compiled
def mend(t: Tableau, s: State, cost: Vector) -> int:
    """Go to the least cost from a basis that is optimal but for the bounds."""
    before = -1
    status = dual(t, s)
    while status == INFEASIBLE and s.k[0] > before:  # unless by rounding: look again from exact values
        before = s.k[0]
        recompute_x(t, s, True)
        status = dual(t, s)
    return status if status != OPTIMAL else finish(t, s, cost, False)


@compiled
def finish(t: Tableau, s: State, cost: Vector, careful: bool) -> int:
    """Go to the least cost from wherever this state stands, which must be nearly feasible."""
    for _ in range(ROUNDS):
        recompute_x(t, s, careful)
        recompute_slopes(t, s, cost)
        if not _is_feasible(s):
            forgive(s)
            status = dual(t, s)
        elif not is_optimal(s):
            status = primal(t, s)
        else:
            return OPTIMAL
        if status != OPTIMAL:
            return status
    return NUMERIC


@compiled
def _is_feasible(s: State) -> bool:
    near, outside = s.near[0], 0
    for i in range(s.rows):
        outside += (s.low[i] - s.x[i] > near) | (s.x[i] - s.high[i] > near)
    return outside == 0


@compiled
def is_optimal(s: State) -> bool:
    """Return whether no reduced cost says that the costs could fall."""
    x, low, high, slopes = s.x[s.rows :], s.low[s.rows :], s.high[s.rows :], s.slopes[s.rows :]
    steep, better = s.near[1], 0
    for j in range(x.size):
        better += ((slopes[j] < -steep) & (x[j] < high[j])) | ((slopes[j] > steep) & (x[j] > low[j]))
    return better == 0
