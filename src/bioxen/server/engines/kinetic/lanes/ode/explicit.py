"""One step of Tsit5 in every lane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.ode.layout import block
from bioxen.server.engines.kinetic.lanes.ode.tableaus import TSIT5_DENSE, TSIT5_ERROR, TSIT5_NODES
from bioxen.server.engines.kinetic.lanes.simd.compiled import lean
from bioxen.server.engines.kinetic.lanes.simd.operations import (
    broadcast,
    call,
    larger,
    load,
    magnitude,
    root,
    store,
)

WEIGHTS = (
    0.09646076681806523,
    0.01,
    0.4798896504144996,
    1.379008574103742,
    -3.290069515436081,
    2.324710524099774,
)


@lean
def attempt(rates: int, w: NDArray[np.float64], n: int, rtol: float) -> None:
    """Try a step of each lane's own length: write the new state, the stages, and the error (1 is allowed)."""
    y, stage, new = block(n, layout.STATE), block(n, layout.STAGE), block(n, layout.NEW)
    p = layout.SINGLES + layout.BLOCKS * n
    k1, k2 = block(n, layout.SLOPE), block(n, layout.STAGES)
    k3, k4, k5, k6, k7 = k2 + n, k2 + 2 * n, k2 + 3 * n, k2 + 4 * n, k2 + 5 * n
    t, h = load(w, layout.TIME), load(w, layout.STEP)
    for i in range(n):
        store(w, stage + i, load(w, y + i) + h * (0.161 * load(w, k1 + i)))
    store(w, layout.MOMENT, t + h * TSIT5_NODES[1])
    call(rates, w, layout.MOMENT, stage, p, k2)
    for i in range(n):
        change = -0.008480655492356989 * load(w, k1 + i) + 0.335480655492357 * load(w, k2 + i)
        store(w, stage + i, load(w, y + i) + h * change)
    store(w, layout.MOMENT, t + h * TSIT5_NODES[2])
    call(rates, w, layout.MOMENT, stage, p, k3)
    for i in range(n):
        change = 2.8971530571054935 * load(w, k1 + i) + -6.359448489975075 * load(w, k2 + i)
        change = change + 4.3622954328695815 * load(w, k3 + i)
        store(w, stage + i, load(w, y + i) + h * change)
    store(w, layout.MOMENT, t + h * TSIT5_NODES[3])
    call(rates, w, layout.MOMENT, stage, p, k4)
    for i in range(n):
        change = 5.325864828439257 * load(w, k1 + i) + -11.748883564062828 * load(w, k2 + i)
        change = change + 7.4955393428898365 * load(w, k3 + i) + -0.09249506636175525 * load(w, k4 + i)
        store(w, stage + i, load(w, y + i) + h * change)
    store(w, layout.MOMENT, t + h * TSIT5_NODES[4])
    call(rates, w, layout.MOMENT, stage, p, k5)
    for i in range(n):
        change = 5.86145544294642 * load(w, k1 + i) + -12.92096931784711 * load(w, k2 + i)
        change = change + 8.159367898576159 * load(w, k3 + i) + -0.071584973281401 * load(w, k4 + i)
        change = change + -0.028269050394068383 * load(w, k5 + i)
        store(w, stage + i, load(w, y + i) + h * change)
    store(w, layout.MOMENT, t + h)
    call(rates, w, layout.MOMENT, stage, p, k6)
    for i in range(n):
        change = WEIGHTS[0] * load(w, k1 + i) + WEIGHTS[1] * load(w, k2 + i) + WEIGHTS[2] * load(w, k3 + i)
        change = change + WEIGHTS[3] * load(w, k4 + i) + WEIGHTS[4] * load(w, k5 + i)
        change = change + WEIGHTS[5] * load(w, k6 + i)
        store(w, new + i, load(w, y + i) + h * change)
    call(rates, w, layout.MOMENT, new, p, k7)
    total = broadcast(0.0)
    for i in range(n):
        error = TSIT5_ERROR[0] * load(w, k1 + i) + TSIT5_ERROR[1] * load(w, k2 + i)
        error = error + TSIT5_ERROR[2] * load(w, k3 + i) + TSIT5_ERROR[3] * load(w, k4 + i)
        error = error + TSIT5_ERROR[4] * load(w, k5 + i) + TSIT5_ERROR[5] * load(w, k6 + i)
        error = h * (error + TSIT5_ERROR[6] * load(w, k7 + i))
        size = larger(magnitude(load(w, y + i)), magnitude(load(w, new + i)))
        share = error / (load(w, block(n, layout.TOLERANCE) + i) + rtol * size)
        total = total + share * share
    store(w, layout.ERROR, root(total / (1.0 * max(n, 1))))


@lean
def interpolant(w: NDArray[np.float64], n: int) -> None:
    """Write the polynomial of the step in the powers of its share, without the constant."""
    k1, k2, out = block(n, layout.SLOPE), block(n, layout.STAGES), block(n, layout.POLYNOMIAL)
    h = load(w, layout.STEP)
    for i in range(n):
        store(w, out + i, h * load(w, k1 + i))
        for power in range(1, 4):
            total = TSIT5_DENSE[0, power] * load(w, k1 + i)
            for s in range(6):
                total = total + TSIT5_DENSE[s + 1, power] * load(w, k2 + s * n + i)
            store(w, out + power * n + i, h * total)
