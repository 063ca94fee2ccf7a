"""Forward sensitivities: how what is observed answers to small changes of parameters and initial values.

The trajectory is integrated with its derivative, each derivative in a lane of its own (see `tangent`). It
begins with what the initial values have of the change, and ends with what the observed has of the states'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.server.engines.kinetic.changes import bare
from bioxen.server.engines.kinetic.lanes.ode.integrate import Method, integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.evaluate import evaluate

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sensitivities:
    """Trajectories with their derivatives; NaN from where one failed."""

    values: Floats
    """[varied][points][selections]: the same trajectory, as each derivative's steps gave it."""
    slopes: Floats
    """[varied][points][selections]: d(selection)/d(varied)."""
    status: NDArray[np.int8]
    """[varied]; see `integrate.STATUS`."""
    method: Method


def sensitivities(
    program: LaneProgram,
    varied: Mapping[str, float],
    times: ArrayLike,
    *,
    selections: Sequence[str] | None = None,
    fixed: Mapping[str, float] | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-12,
    method: Literal["tsit5", "rodas5p", "auto"] = "auto",
    max_steps: int = 100_000,
    start: float | None = None,
) -> Sensitivities:
    """Integrate the model with its derivative with respect to each of `varied`.

    Args:
        program: the model, without events and without jumps.
        varied: `S`, `[S]`, a parameter or a compartment → its own value. One that is varied has no initial
            assignment; what other initial assignments derive from it moves with it.
        times: when to report.
        selections: what is observed; the states where not given.
        fixed: further values given instead of the model's own; one of something varied is not looked at.
        rtol: relative tolerance, of the derivatives too.
        atol: absolute tolerance of concentrations; of a derivative over the size of what is varied, where
            that is larger than 1.
        method: as of `integrate`.
        max_steps: as of `integrate`.
        start: as of `integrate`.

    Raises:
        Uncovered: the lanes do not run the model, or cannot differentiate it.
    """
    joint = program.tangent
    observed = program.states if selections is None else tuple(selections)
    address = joint.observer(observed)
    states, parameters = (np.empty((len(varied), len(of))) for of in (joint.states, joint.parameters))
    for rows, given in _groups(program, varied, fixed or {}):
        values = program.initial_values(given)
        slopes = program.initial_slopes(given, [name for name, _ in rows])
        places = [row for _, row in rows]
        for table, value, slope in zip((states, parameters), values, slopes, strict=True):
            table[places] = np.hstack([np.repeat(value, len(rows), axis=0), slope])
    sizes = np.maximum(np.abs(np.array(list(varied.values()), np.float64)), 1.0)[:, None]
    for table in (states, parameters):  # the change of a large value by a share is as large as what it moves
        table[:, table.shape[1] // 2 :] *= sizes
    run = integrate(
        *(joint, states, parameters, times),
        rtol=rtol,
        atol=atol,
        method=method,
        max_steps=max_steps,
        start=start,
    )
    members, points, width = run.values.shape
    seen = evaluate(
        address, np.asarray(times), run.values.reshape(members * points, width), parameters, 2 * len(observed)
    ).reshape(members, points, 2, len(observed))
    seen[run.status != 0] = np.nan
    return Sensitivities(seen[:, :, 0], seen[:, :, 1] / sizes[:, :, None], run.status, run.method)


def _groups(
    program: LaneProgram, varied: Mapping[str, float], fixed: Mapping[str, float]
) -> list[tuple[list[tuple[str, int]], dict[str, float]]]:
    """Return which of `varied` (and their rows) begin from the same given values, and these values.

    To give a plain number its own value changes nothing, so all these go together. Whatever else is given
    replaces how the model says where it begins, so it stands alone.
    """
    content = program.system.content
    rows = [(name, row) for row, name in enumerate(varied)]
    alone = [each for each in rows if each[0] in content.initial or bare(each[0]) in content.species]
    together = [each for each in rows if each not in alone]
    groups = []
    for group in [*([each] for each in alone), *([together] if together else [])]:
        named = {bare(name) for name, _ in group}
        others = {name: value for name, value in fixed.items() if bare(name) not in named}
        groups.append((group, others | {name: varied[name] for name, _ in group}))
    return groups
