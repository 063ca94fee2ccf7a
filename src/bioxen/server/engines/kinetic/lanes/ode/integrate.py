"""Integrate an ensemble of a model: the door to the drivers of this package."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic.lanes.asked import check_courses
from bioxen.server.engines.kinetic.lanes.events.status import DONE
from bioxen.server.engines.kinetic.lanes.ode.run import Floats, Method, Run, Trajectories
from bioxen.server.engines.kinetic.lanes.ode.seats import STATUS
from bioxen.server.engines.kinetic.lanes.simd.contract import Runnable

__all__ = ["STATUS", "Method", "Trajectories", "choose_method", "integrate"]

_STIFF_COST = 2.5
"""What a step of Rodas5P costs in steps of Tsit5, of a typical model."""
_PROBE = 400
"""Steps of Tsit5 after which a probe asks Rodas5P whether it would need fewer."""


def integrate(
    program: Runnable,
    states: ArrayLike,
    parameters: ArrayLike,
    times: ArrayLike,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-12,
    method: Literal["tsit5", "rodas5p", "auto"] = "auto",
    max_steps: int = 100_000,
    start: float | None = None,
    longest_step: float = np.inf,
) -> Trajectories:
    """Integrate each member from its own state with its own parameters.

    A member's numbers depend on its own state and parameters alone: not on the other members, nor on how an
    ensemble is split. `auto` therefore looks at the model with its own numbers, never at members (see
    `choose_method`); a member that fails with Tsit5 is run again with Rodas5P, and marked.

    Args:
        program: the model.
        states: [members][states] at `start`, initial assignments carried out.
        parameters: [members][parameters]
        times: when to report, rising.
        rtol: relative tolerance of each step, in the root mean square over the states.
        atol: absolute tolerance of concentrations: multiplied by `program.state_scale`.
        method: `tsit5` (explicit), `rodas5p` (for stiff models) or `auto`.
        max_steps: steps, accepted and rejected, after which a member is given up.
        start: the time of `states`; the first of `times` where not given.
        longest_step: upper bound of the steps.

    Raises:
        ValidationError: a number is not finite or has no meaning.
    """
    y, p, grid = (np.ascontiguousarray(each, np.float64) for each in (states, parameters, times))
    begin = float(grid[0]) if start is None and grid.size else float(start or 0.0)
    check_courses(program, y, p, grid, begin)
    _check_tolerances(rtol, atol)
    chosen: Method = choose_method(program, grid, begin, rtol, atol) if method == "auto" else method
    run = Run(program, grid, begin, rtol, atol, max_steps, longest_step)
    found = run.on(y, p, stiff=chosen == "rodas5p")
    failed = np.flatnonzero(found.status != DONE)
    if method != "auto" or chosen == "rodas5p" or not failed.size:
        return found
    again = run.on(y[failed], p[failed], stiff=True)
    better = again.status == DONE
    here, there = failed[better], np.flatnonzero(better)
    for mine, new in ((getattr(found, name), getattr(again, name)) for name in _ARRAYS):
        if mine is not None:
            mine[here] = new[there]
    found.retried[here] = True
    return found


_ARRAYS = ("values", "parameters", "status", "steps", "rejected")


def choose_method(program: Runnable, times: Floats, start: float, rtol: float, atol: float) -> Method:
    """Return the method for a model, from the steps that each needs for the model's own numbers.

    Tsit5 has the first try; where it needs many steps, Rodas5P must need so few that they cost less.
    """
    y, p = program.default_states[None, :], program.default_parameters[None, :]
    ends = np.array([times[-1]])
    explicit = Run(program, ends, start, rtol, atol, 50 * _PROBE, np.inf).on(y, p, stiff=False)
    used = int(explicit.steps[0] + explicit.rejected[0])
    if explicit.status[0] == DONE and used <= _PROBE // 10:
        return "tsit5"
    implicit = Run(program, ends, start, rtol, atol, 50 * _PROBE, np.inf).on(y, p, stiff=True)
    if implicit.status[0] != DONE:
        return "tsit5" if explicit.status[0] == DONE else "rodas5p"
    needed = int(implicit.steps[0] + implicit.rejected[0])
    return "tsit5" if explicit.status[0] == DONE and used <= _STIFF_COST * needed else "rodas5p"


def _check_tolerances(rtol: float, atol: float) -> None:
    if not (0 < rtol < 1 and 0 <= atol < np.inf):
        raise ValidationError(
            "The tolerances are out of range.",
            details={"place": "rtol", "remedy": "Give rtol between 0 and 1, and atol not below 0."},
        )
