"""Integrate an ensemble of a model: the door to the drivers of this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.ode.drive import DONE, drive
from bioxen.server.engines.kinetic.lanes.ode.elimination import Plan, plan
from bioxen.server.engines.kinetic.lanes.ode.straight import straight
from bioxen.server.engines.kinetic.lanes.simd.contract import Ready, Runnable
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH

Method = Literal["tsit5", "rodas5p"]
Floats = NDArray[np.float64]

STATUS = ("ok", "too many steps", "not finite", "step too small", "too many events", "a delay below 0")
"""What the numbers in `Trajectories.status` mean."""

_STIFF_COST = 2.5
"""What a step of Rodas5P costs in steps of Tsit5, of a typical model."""
_PROBE = 400
"""Steps of Tsit5 after which a probe asks Rodas5P whether it would need fewer."""


_PARTS = 1000
"""Steps at least, where something jumps at times that cannot be computed before."""


@dataclass(frozen=True)
class Trajectories:
    """The courses of an ensemble."""

    values: Floats
    """[members][points][states]; NaN from where a member failed."""
    parameters: Floats | None
    """[members][points][parameters] of a model whose events may change them, else `None`."""
    status: NDArray[np.int8]
    """[members]; see `STATUS`."""
    steps: NDArray[np.int64]
    """[members], accepted."""
    rejected: NDArray[np.int64]
    """[members]"""
    method: Method
    """The method of the ensemble."""
    retried: NDArray[np.bool_]
    """[members]: failed with Tsit5, so these are the numbers of Rodas5P."""


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
    _check(program, y, p, grid, begin, rtol, atol)
    chosen: Method = choose_method(program, grid, begin, rtol, atol) if method == "auto" else method
    run = _Run(program, grid, begin, rtol, atol, max_steps, longest_step)
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
    explicit = _Run(program, ends, start, rtol, atol, 50 * _PROBE, np.inf).on(y, p, stiff=False)
    used = int(explicit.steps[0] + explicit.rejected[0])
    if explicit.status[0] == DONE and used <= _PROBE // 10:
        return "tsit5"
    implicit = _Run(program, ends, start, rtol, atol, 50 * _PROBE, np.inf).on(y, p, stiff=True)
    if implicit.status[0] != DONE:
        return "tsit5" if explicit.status[0] == DONE else "rodas5p"
    needed = int(implicit.steps[0] + implicit.rejected[0])
    return "tsit5" if explicit.status[0] == DONE and used <= _STIFF_COST * needed else "rodas5p"


def _check(
    program: Runnable, y: Floats, p: Floats, times: Floats, start: float, rtol: float, atol: float
) -> None:
    if program.width != WIDTH:
        raise ValidationError(
            f"The program works on {program.width} members at a time, the drivers on {WIDTH}.",
            details={"place": "width", "remedy": "Build the program without naming a width."},
        )
    shapes = (
        y.shape[1:] == (len(program.states),),
        p.shape[1:] == (len(program.parameters),),
        len(y) == len(p),
    )
    if y.ndim != 2 or p.ndim != 2 or not all(shapes):
        raise ValidationError(
            f"States and parameters have the shapes {y.shape} and {p.shape}.",
            details={"place": "states", "remedy": "Give a row a member, a column a state or parameter."},
        )
    if times.ndim != 1 or not times.size or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise ValidationError(
            "The times are not rising numbers.", details={"place": "times", "remedy": "Give them in order."}
        )
    if not np.isfinite(start) or start > times[0]:
        raise ValidationError(
            "The start lies after the first time.",
            details={"place": "start", "remedy": "Start at the first time or earlier."},
        )
    if not (0 < rtol < 1 and 0 <= atol < np.inf):
        raise ValidationError(
            "The tolerances are out of range.",
            details={"place": "rtol", "remedy": "Give rtol between 0 and 1, and atol not below 0."},
        )


class _Run:
    """A way to integrate members of one program."""

    def __init__(
        self,
        program: Runnable,
        times: Floats,
        start: float,
        rtol: float,
        atol: float,
        max_steps: int,
        longest: float,
    ) -> None:
        self._program, self._times, self._start = program, times, start
        if program.jumps_unpredictably:
            longest = min(longest, (times[-1] - start) / _PARTS)
        self._rtol, self._max_steps, self._longest = float(rtol), int(max_steps), float(longest)
        self._atol = np.maximum(atol * np.asarray(program.state_scale, np.float64), np.finfo(float).tiny)

    def on(self, states: Floats, parameters: Floats, *, stiff: bool) -> Trajectories:
        """Integrate these members."""
        program = self._program
        members, points = len(states), len(self._times)
        tape, code = _elimination(program) if stiff else _NO_ELIMINATION
        ready = _ready(program, stiff=stiff)
        values = np.empty((members, points, states.shape[1]))
        changing = np.empty((members if program.event_count else 0, points, parameters.shape[1]))
        status = np.zeros(members, np.int8)
        steps, rejected = np.zeros(members, np.int64), np.zeros(members, np.int64)
        given: tuple[Any, ...] = (
            stiff,
            _functions(program, ready, code, stiff=stiff),
            *(tape.entries, tape.diagonal, tape.factor, tape.forward, tape.backward, tape.size),
            *(
                states,
                ready.extended(parameters),
                _before(program),
                *_events(program),
                program.moment_count,
                program.jumps_with_states,
            ),
            *(self._start, self._times, self._rtol, self._atol, self._longest, self._max_steps),
        )
        run: Callable[..., None] = drive
        run(*given, values, changing, status, steps, rejected)
        return Trajectories(
            values=values,
            parameters=changing if program.event_count else None,
            status=status,
            steps=steps,
            rejected=rejected,
            method="rodas5p" if stiff else "tsit5",
            retried=np.zeros(members, np.bool_),
        )


_NO_ELIMINATION = (plan(0, (), ()), None)


def _elimination(program: Runnable) -> tuple[Plan, Code | None]:
    rows, columns = (np.asarray(each, np.int32) for each in (program.jacobian_rows, program.jacobian_columns))
    return _planned(len(program.states), rows.tobytes(), columns.tobytes())


@lru_cache(maxsize=256)
def _planned(size: int, rows: bytes, columns: bytes) -> tuple[Plan, Code | None]:
    planned = plan(size, np.frombuffer(rows, np.int32), np.frombuffer(columns, np.int32))
    return planned, straight(planned)


def _functions(program: Runnable, ready: Ready, code: Code | None, *, stiff: bool) -> NDArray[np.int64]:
    fast = ready.addresses
    own = (fast["jacobian"], fast.get("time_rate", 0)) if stiff else (0, 0)
    elimination = (code.addresses["decompose"], code.addresses["solve"]) if code is not None else (0, 0)
    table = (fast["rates"], *own, program.triggers, program.moments, *elimination, program.delays, *program.assign)
    return np.array(table, np.int64)


def _ready(program: Runnable, *, stiff: bool) -> Ready:
    if not stiff:
        return program.prepared("rates")
    return program.prepared("rates", "jacobian", *(["time_rate"] if program.time_rate else []))


def _before(program: Runnable) -> Floats:
    """Return what the triggers are taken to have been before the start."""
    before = np.zeros(program.root_count)
    before[: program.event_count] = program.event_initially
    return before


def _events(program: Runnable) -> tuple[NDArray[Any], ...]:
    """Return which events keep values of their trigger's time, persist, wait; what each sets (pointers, targets)."""
    targets = [np.asarray(each, np.int32) for each in program.event_targets]
    pointers = np.cumsum([0, *map(len, targets)]).astype(np.int32)
    joined = np.concatenate(targets) if targets else np.zeros(0, np.int32)
    kinds = (program.event_uses_trigger_values, program.event_persistent, program.event_delayed)
    return (*(np.array(kind, np.bool_) for kind in kinds), pointers, joined)
