"""Ensembles, one trajectory a thread: what `ode/integrate.py` and `ssa/stochastic.py` are for lanes."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines.kinetic.lanes.gpu import integration, stochastic
from bioxen.server.engines.kinetic.lanes.gpu.drivers import Kind, Ported, ported
from bioxen.server.engines.kinetic.lanes.gpu.machines import (
    Argument,
    DeviceFailure,
    Given,
    Machine,
    OutOfMemory,
    Wanted,
)
from bioxen.server.engines.kinetic.lanes.ode.control import allowance
from bioxen.server.engines.kinetic.lanes.ode.integrate import Method, Trajectories
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.ssa.stochastic import Realisations

Floats = NDArray[np.float64]
FEWEST = 32
"""Members below which a batch that does not fit is not halved again: the threads that a GPU runs as one."""


@lru_cache(maxsize=32)
def _ported(program: LaneProgram, kind: Kind) -> Ported:
    return ported(program, kind)


def check(program: LaneProgram, kind: Kind) -> None:
    """Make sure that a GPU runs `program`.

    Raises:
        Uncovered: it has a construct that runs in lanes, but not on a GPU, or is too large.
    """
    _ported(program, kind)


def integrate(  # noqa: PLR0913 - as the lanes' own door
    machine: Machine,
    program: LaneProgram,
    states: Floats,
    parameters: Floats,
    times: Floats,
    *,
    rtol: float,
    atol: float,
    max_steps: int = 100_000,
    method: Method = "tsit5",
) -> Trajectories:
    """Integrate each member, from the first of `times` on.

    Args:
        machine: where.
        program: the model, without events.
        states: [members][states]
        parameters: [members][parameters]
        times: when to report, rising.
        rtol: relative tolerance, as of the lanes.
        atol: absolute tolerance of concentrations, as of the lanes.
        max_steps: steps, accepted and rejected, after which a member is given up.
        method: as of the lanes.

    Raises:
        Uncovered: a GPU does not run the model.
        DeviceFailure: the machine failed.
    """
    found = _ported(program, method)
    rows = found.hoisted.extended(parameters)
    absolute = np.maximum(atol * np.asarray(program.state_scale), np.finfo(float).tiny)
    options = np.array([times[0], rtol, allowance(rtol), np.inf])
    values = np.empty((len(states), len(times), states.shape[1]))
    report = np.zeros((len(states), integration.REPORT), np.int64)

    def some(begin: int, end: int) -> None:
        arguments: list[Argument] = [
            *(_part(states, begin, end), _part(rows, begin, end), Given(absolute), Given(times)),
            *(Given(options), len(times), max_steps),
            *(Wanted(values[begin:end]), Wanted(report[begin:end])),
        ]
        machine.run(found.driver, end - begin, arguments)

    in_batches(len(states), some)
    return Trajectories(
        values=values,
        parameters=None,
        status=report[:, 0].astype(np.int8),
        steps=report[:, 1],
        rejected=report[:, 2],
        method=method,
        retried=np.zeros(len(states), np.bool_),
    )


def simulate(
    machine: Machine,
    program: LaneProgram,
    states: Floats,
    parameters: Floats,
    times: Floats,
    *,
    seed: int,
    first_member: int = 0,
    max_events: int = 100_000_000,
) -> Realisations:
    """Simulate each member event by event, with the random numbers that it has in lanes.

    Args:
        machine: where.
        program: a network of which the lanes made sure that single events can be simulated.
        states: [members][states], whole numbers.
        parameters: [members][parameters]
        times: when to report, rising.
        seed: of the whole ensemble.
        first_member: the index of the first row in the whole ensemble.
        max_events: events after which a member is given up.

    Raises:
        Uncovered: a GPU does not run the model.
        DeviceFailure: the machine failed.
    """
    found = _ported(program, "direct")
    rows, counts = found.hoisted.extended(parameters), np.round(states)
    options = np.array([times[0]])
    values = np.empty((len(states), len(times), states.shape[1]))
    report = np.zeros((len(states), stochastic.REPORT), np.int64)

    def some(begin: int, end: int) -> None:
        arguments: list[Argument] = [
            *(_part(counts, begin, end), _part(rows, begin, end), Given(times), Given(options)),
            *(len(times), max_events, seed, first_member + begin),
            *(Wanted(values[begin:end]), Wanted(report[begin:end])),
        ]
        machine.run(found.driver, end - begin, arguments)

    in_batches(len(states), some)
    return Realisations(values, None, report[:, 0].astype(np.int8), report[:, 1], "direct")


def _part(rows: Floats, begin: int, end: int) -> Given:
    return Given(np.ascontiguousarray(rows[begin:end]))


def in_batches(members: int, some: Callable[[int, int], None]) -> None:
    """Run all members; where they do not fit, in batches half as large, and so on.

    Raises:
        DeviceFailure: not even a small batch fits, or the machine failed otherwise.
    """
    begin, size = 0, members
    while begin < members:
        end = min(begin + size, members)
        try:
            some(begin, end)
        except OutOfMemory as failure:
            if size <= FEWEST:
                raise DeviceFailure(f"out of memory even for {size} members") from failure
            size = -(-size // 2)
            continue
        begin = end
