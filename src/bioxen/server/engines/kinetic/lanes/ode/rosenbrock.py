"""One step of Rodas5P in every lane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.ode.elimination import factorise, solve
from bioxen.server.engines.kinetic.lanes.ode.layout import block
from bioxen.server.engines.kinetic.lanes.ode.tableaus import (
    RODAS_COUPLING,
    RODAS_DENSE,
    RODAS_GAMMA,
    RODAS_NODES,
    RODAS_STAGES,
    RODAS_STATE,
    RODAS_TIMES,
)
from bioxen.server.engines.kinetic.lanes.simd.compiled import inlined, lean
from bioxen.server.engines.kinetic.lanes.simd.operations import (
    broadcast,
    call,
    larger,
    load,
    magnitude,
    root,
    store,
)


@lean
def step_matrix(
    w: NDArray[np.float64],
    jacobian: int,
    at: int,
    entries: NDArray[np.int32],
    diagonal: NDArray[np.int32],
    size: int,
) -> None:
    """Write 1/(gamma h) - J, each lane with its own h, at row `at`."""
    for i in range(size):
        store(w, at + i, broadcast(0.0))
    for i in range(len(entries)):
        store(w, at + entries[i], -load(w, jacobian + i))
    shift = 1.0 / (load(w, layout.STEP) * RODAS_GAMMA)
    for i in range(len(diagonal)):
        store(w, at + diagonal[i], load(w, at + diagonal[i]) + shift)


@inlined
def _stage(
    functions: NDArray[np.int64],
    w: NDArray[np.float64],
    n: int,
    s: int,
    timed: bool,
    factors: int,
    forward: NDArray[np.int32],
    backward: NDArray[np.int32],
) -> None:
    """Compute stage `s`, a constant of the caller: the loops over earlier stages unroll."""
    y, stage, moving, right = (
        block(n, layout.STATE),
        block(n, layout.STAGE),
        block(n, layout.SAMPLE),
        block(n, layout.RIGHT),
    )
    k, p = block(n, layout.STAGES), layout.SINGLES + layout.BLOCKS * n
    h, inverse = load(w, layout.STEP), load(w, layout.INVERSE)
    for i in range(n):
        state, coupling = load(w, (stage if s > 5 else y) + i), broadcast(0.0)
        for j in range(s):
            earlier = load(w, k + j * n + i)
            if s <= 5 or j == s - 1:
                state = state + RODAS_STATE[s, j] * earlier
            coupling = coupling + RODAS_COUPLING[s, j] * earlier
        store(w, stage + i, state)
        coupling = inverse * coupling
        if timed and s <= 4:
            coupling = coupling + h * RODAS_TIMES[s] * load(w, moving + i)
        store(w, k + s * n + i, coupling)
    store(w, layout.MOMENT, load(w, layout.TIME) + h * RODAS_NODES[s])
    call(functions[layout.FUNCTION_RATES], w, layout.MOMENT, stage, p, right)
    if functions[layout.FUNCTION_SOLVE]:
        call(functions[layout.FUNCTION_SOLVE], w, layout.MOMENT, factors, right, k + s * n)
    else:
        for i in range(n):
            store(w, k + s * n + i, load(w, k + s * n + i) + load(w, right + i))
        solve(w, factors, forward, backward, k + s * n)


@lean
def attempt(
    functions: NDArray[np.int64],
    w: NDArray[np.float64],
    n: int,
    matrix: int,
    entries: NDArray[np.int32],
    diagonal: NDArray[np.int32],
    factor: NDArray[np.int32],
    forward: NDArray[np.int32],
    backward: NDArray[np.int32],
    size: int,
    rtol: float,
) -> None:
    """Try a step of each lane's own length: write the new state, the stages, and the error (1 is allowed)."""
    y, stage, new, moving = (
        block(n, layout.STATE),
        block(n, layout.STAGE),
        block(n, layout.NEW),
        block(n, layout.SAMPLE),
    )
    p, k = layout.SINGLES + layout.BLOCKS * n, block(n, layout.STAGES)
    timed = functions[layout.FUNCTION_TIME] != 0
    call(functions[layout.FUNCTION_JACOBIAN], w, layout.TIME, y, p, matrix)
    if timed:
        call(functions[layout.FUNCTION_TIME], w, layout.TIME, y, p, moving)
    factors = matrix + len(entries)
    store(w, layout.INVERSE, 1.0 / load(w, layout.STEP))
    if functions[layout.FUNCTION_DECOMPOSE]:
        call(functions[layout.FUNCTION_DECOMPOSE], w, layout.STEP, matrix, matrix, factors)
    else:
        step_matrix(w, matrix, factors, entries, diagonal, size)
        factorise(w, factors, factor)
    _stage(functions, w, n, 0, timed, factors, forward, backward)
    _stage(functions, w, n, 1, timed, factors, forward, backward)
    _stage(functions, w, n, 2, timed, factors, forward, backward)
    _stage(functions, w, n, 3, timed, factors, forward, backward)
    _stage(functions, w, n, 4, timed, factors, forward, backward)
    _stage(functions, w, n, 5, timed, factors, forward, backward)
    _stage(functions, w, n, 6, timed, factors, forward, backward)
    _stage(functions, w, n, 7, timed, factors, forward, backward)
    total = broadcast(0.0)
    last = k + (RODAS_STAGES - 1) * n
    for i in range(n):
        error = load(w, last + i)
        reached = load(w, stage + i) + error
        store(w, new + i, reached)
        share = error / (
            load(w, block(n, layout.TOLERANCE) + i)
            + rtol * larger(magnitude(load(w, y + i)), magnitude(reached))
        )
        total = total + share * share
    store(w, layout.ERROR, root(total / (1.0 * max(n, 1))))


@lean
def interpolant(w: NDArray[np.float64], n: int) -> None:
    """Write the polynomial of the step in the powers of its share, without the constant."""
    y, new, k, out = (
        block(n, layout.STATE),
        block(n, layout.NEW),
        block(n, layout.STAGES),
        block(n, layout.POLYNOMIAL),
    )
    for i in range(n):
        before = load(w, new + i) - load(w, y + i)
        for power in range(3):
            total = broadcast(0.0)
            for s in range(RODAS_STAGES):
                total = total + RODAS_DENSE[power, s] * load(w, k + s * n + i)
            store(w, out + power * n + i, before + total if power == 0 else total - before)
            before = total
        store(w, out + 3 * n + i, -before)
