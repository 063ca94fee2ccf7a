"""One call of the driver: what a program has becomes the arrays that the driver takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.events.given import Events
from bioxen.server.engines.kinetic.lanes.events.made import events_of
from bioxen.server.engines.kinetic.lanes.events.status import RESTLESS
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.ode import layout
from bioxen.server.engines.kinetic.lanes.ode.drive import drive
from bioxen.server.engines.kinetic.lanes.ode.elimination import Plan, plan
from bioxen.server.engines.kinetic.lanes.ode.straight import straight
from bioxen.server.engines.kinetic.lanes.simd.contract import Ready, Runnable
from bioxen.server.engines.kinetic.lanes.watching import watched

Method = Literal["tsit5", "rodas5p"]
Floats = NDArray[np.float64]


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


class Run:
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
        self._rtol, self._max_steps, self._longest = float(rtol), int(max_steps), float(longest)
        self._atol = np.maximum(atol * np.asarray(program.state_scale, np.float64), np.finfo(float).tiny)

    def on(self, states: Floats, parameters: Floats, *, stiff: bool) -> Trajectories:
        """Integrate these members."""
        program = self._program
        members, points = len(states), len(self._times)
        tape, code = _elimination(program) if stiff else _NO_ELIMINATION
        ready = _ready(program, stiff=stiff)
        extended = ready.extended(parameters)
        values = np.empty((members, points, states.shape[1]))
        changing = np.full((members if program.event_count else 0, points, parameters.shape[1]), np.nan)
        status = np.zeros(members, np.int8)
        steps, rejected = np.zeros(members, np.int64), np.zeros(members, np.int64)
        stops, first, restless = self._stops(parameters)
        given: tuple[Any, ...] = (
            stiff,
            _functions(program, ready, code, stiff=stiff),
            *(tape.entries, tape.diagonal, tape.factor, tape.forward, tape.backward, tape.size),
            *(states, extended, *_events(program, extended.shape[1])),
            *(program.moment_count, program.jumps_with_states, stops, first),
            *(self._start, self._times, self._rtol, self._atol, self._longest, self._max_steps),
        )
        run: Callable[..., None] = drive
        with watched(values):
            run(*given, values, changing, status, steps, rejected)
        values[restless], status[restless] = np.nan, RESTLESS
        return Trajectories(
            values=values,
            parameters=changing if program.event_count else None,
            status=status,
            steps=steps,
            rejected=rejected,
            method="rodas5p" if stiff else "tsit5",
            retried=np.zeros(members, np.bool_),
        )

    def _stops(self, parameters: Floats) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Return where steps must end; see `Foreseen.of`."""
        foreseen = self._program.foreseen
        if foreseen is None:
            return np.empty(0), np.zeros(len(parameters) + 1, np.int64), np.empty(0, np.int64)
        return foreseen.of(parameters, self._start, float(self._times[-1]))


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
    table = (
        fast["rates"],
        *own,
        program.triggers,
        program.moments,
        *elimination,
    )
    return np.array(table, np.int64)


def _ready(program: Runnable, *, stiff: bool) -> Ready:
    if not stiff:
        return program.prepared("rates")
    return program.prepared("rates", "jacobian", *(["time_rate"] if program.time_rate else []))


def _events(program: Runnable, parameters: int) -> tuple[Events, int]:
    """Return the events, and the first row behind their working numbers."""
    n, roots = len(program.states), program.root_count
    now = layout.trigger_row(n, parameters)
    timing = now + 2 * roots
    values = timing + (program.event_count if program.delays else 0)
    rest = values + max(map(len, program.event_targets), default=0)
    places = [layout.TIME, layout.block(n, layout.STATE), layout.parameter_row(n), now, now + roots]
    functions = [program.triggers, program.delays]
    for assign in program.assign:
        functions += [0, assign, 0]  # nothing draws
    return events_of(program, functions, [*places, timing, values, rest, rest], roots=roots), rest
