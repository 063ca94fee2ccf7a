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
LENIENT = 10.0
"""How much more than at first a bound may be missed by in the last of these rounds."""


@compiled
def begin(t: Tableau, s: State, lower: Vector, upper: Vector) -> int:
    """Go from the canonical basis to a vertex within these bounds that is optimal for nearby costs."""
    place(t, s, lower, upper)
    recompute_x(t, s, False)
    return mend(t, s)


@compiled
def mend(t: Tableau, s: State) -> int:
    """Go from a basis that is optimal but for the bounds to one that is so within them."""
    before = -1
    while True:
        status = dual(t, s)
        if status != INFEASIBLE or s.k[0] == before:
            return status
        before = s.k[0]  # it may be rounding: look again from exact values
        recompute_x(t, s, True)


@compiled
def finish(t: Tableau, s: State, cost: Vector, careful: bool) -> int:
    """Go to the least cost from wherever this state stands, which must be nearly feasible.

    What the last rounds still find outside is what rounding brings back at a degenerate vertex, however often
    it is mended: they ask less, though still far more than the certificate does. For the same reason the dual
    simplex's "infeasible" is no answer here.
    """
    for done in range(ROUNDS):
        recompute_x(t, s, careful or done > 1)
        recompute_slopes(t, s, cost)
        if not _is_feasible(s, s.near[0] if done < ROUNDS // 2 else LENIENT * s.near[0]):
            forgive(s)
            status = dual(t, s)
        elif not is_optimal(s):
            status = primal(t, s)
        else:
            return OPTIMAL
        if status not in (OPTIMAL, INFEASIBLE):
            return status
    return NUMERIC


@compiled
def _is_feasible(s: State, allowed: float) -> bool:
    outside = 0
    for i in range(s.rows):
        outside += (s.low[i] - s.x[i] > allowed) | (s.x[i] - s.high[i] > allowed)
    return outside == 0


@compiled
def is_optimal(s: State) -> bool:
    """Return whether no reduced cost says that the costs could fall."""
    x, low, high, slopes = s.x[s.rows :], s.low[s.rows :], s.high[s.rows :], s.slopes[s.rows :]
    steep, better = s.near[1], 0
    for j in range(x.size):
        better += ((slopes[j] < -steep) & (x[j] < high[j])) | ((slopes[j] > steep) & (x[j] > low[j]))
    return better == 0
