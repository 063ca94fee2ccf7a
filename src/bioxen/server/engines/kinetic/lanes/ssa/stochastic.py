"""Simulate an ensemble of a reaction network event by event: the door to the drivers of this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.server.engines.kinetic.lanes.simd.contract import Runnable
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.direct import direct
from bioxen.server.engines.kinetic.lanes.ssa.leap import leap

Floats = NDArray[np.float64]

STATUS = {
    0: "ok",
    1: "too many events",
    2: "not finite",
    4: "negative propensity",
    5: "fell below zero molecules",
}
"""What the numbers in `Realisations.status` mean."""


class Network(Runnable, Protocol):
    """A program with reactions."""

    @property
    def fluxes(self) -> int: ...
    @property
    def stoichiometry(self) -> Floats | None: ...
    @property
    def integral_stoichiometry(self) -> bool: ...


@dataclass(frozen=True)
class Realisations:
    """The courses of an ensemble."""

    values: Floats
    """[members][points][states], whole numbers of molecules; NaN from where a member failed."""
    status: NDArray[np.int8]
    """[members]; see `STATUS`."""
    events: NDArray[np.int64]
    """[members]: events simulated, leaps counted as one."""
    method: Literal["direct", "tau-leaping"]


def stochastic(
    program: Network,
    states: ArrayLike,
    parameters: ArrayLike,
    times: ArrayLike,
    *,
    seed: int,
    first_member: int = 0,
    max_events: int = 100_000_000,
    start: float | None = None,
    method: Literal["direct", "tau-leaping"] = "direct",
    epsilon: float = 0.03,
) -> Realisations:
    """Simulate each member from its own whole numbers of molecules with its own parameters.

    The random numbers of member i are a function of `seed` and `first_member + i` alone: any split of an
    ensemble gives the same bytes.

    Args:
        program: the network; its rate laws are propensities of single events.
        states: [members][states] at `start`.
        parameters: [members][parameters]
        times: when to report, rising.
        seed: of the whole ensemble, from 0 to 2^64 - 1.
        first_member: the index of the first row in the whole ensemble.
        max_events: events after which a member is given up.
        start: the time of `states`; the first of `times` where not given.
        method: `direct` (Gillespie, exact) or `tau-leaping` (approximate, for many molecules).
        epsilon: how much a propensity may change during a leap, as a share.

    Raises:
        InvalidModelError: the model is no network of such reactions.
        ValidationError: a number has no meaning.
    """
    y, p, grid = (np.ascontiguousarray(each, np.float64) for each in (states, parameters, times))
    begin = float(grid[0]) if start is None and grid.size else float(start or 0.0)
    matrix = _network(program)
    pointers, species, changes = _columns(matrix)
    _check(program, y, p, grid, begin)
    if not 0 <= seed < 2**64 or first_member < 0 or not 0 < epsilon < 1:
        raise ValidationError(
            "The seed, the first member or epsilon is out of range.",
            details={
                "place": "seed",
                "remedy": "Give a seed from 0 to 2^64 - 1, and epsilon between 0 and 1.",
            },
        )
    values = np.empty((len(y), len(grid), y.shape[1]))
    status, events = np.zeros(len(y), np.int8), np.zeros(len(y), np.int64)
    ready = program.prepared("fluxes")
    fluxes = ready.addresses["fluxes"]
    common = (
        np.round(y),
        ready.extended(p),
        begin,
        grid,
        np.uint64(seed),
        first_member,
        max_events,
        values,
        status,
        events,
    )
    reactions = len(pointers) - 1
    if method == "direct":
        exact: Callable[..., None] = direct
        exact(fluxes, pointers, species, changes, *_columns(matrix.T), reactions, *common)
    else:
        matters = np.zeros(y.shape[1], np.bool_)
        matters[np.asarray(program.jacobian_columns)] = True
        own = np.flatnonzero(program.jacobian_rows == program.jacobian_columns).astype(np.int32)
        functions = np.array([fluxes, program.jacobian], np.int64)
        entries = len(program.jacobian_rows)
        leaping: Callable[..., None] = leap
        leaping(
            functions, pointers, species, changes, reactions, matters, own, entries, float(epsilon), *common
        )
    return Realisations(values, status, events, method)


def _network(program: Network) -> Floats:
    """Return the stoichiometry of a program that is a network of discrete events and nothing else."""
    matrix = program.stoichiometry
    hurdles = [
        (matrix is None, "stoichiometries that change"),
        (not program.integral_stoichiometry, "stoichiometries that are no whole numbers"),
        (program.event_count > 0, "events"),
        (
            program.moment_count > 0 or program.jumps_unpredictably or program.time_rate != 0,
            "rates that depend on the time",
        ),
    ]
    if matrix is not None:
        still = ~np.any(matrix != 0, axis=1)
        moved = np.zeros(len(program.states), np.bool_)
        moved[np.asarray(program.jacobian_rows)] = True
        hurdles.append((bool((still & moved).any()), "rate rules"))
    found = [name for hurdle, name in hurdles if hurdle]
    if found or matrix is None:
        raise InvalidModelError(
            f"Single events cannot be simulated for this model: it has {', '.join(found)}.",
            details={"place": "process_code", "hurdles": found, "remedy": "Use kinetic_ode."},
        )
    return matrix


def _columns(matrix: Floats) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """Return each column's entries: where they begin, their rows, their values."""
    reaction, state = np.nonzero(matrix.T)
    pointers = np.searchsorted(reaction, np.arange(matrix.shape[1] + 1)).astype(np.int32)
    return pointers, state.astype(np.int32), np.ascontiguousarray(matrix.T[reaction, state])


def _check(program: Network, y: Floats, p: Floats, times: Floats, start: float) -> None:
    if program.width != WIDTH or y.ndim != 2 or p.ndim != 2 or len(y) != len(p):
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
    whole = (y >= 0) & (np.abs(y - np.round(y)) <= 1e-9 * np.maximum(1.0, y))
    if not whole.all():
        member, state = (int(index) for index in np.argwhere(~whole)[0])
        raise ValidationError(
            f"{program.states[state]} starts with {y[member, state]:g}, which is no number of molecules.",
            details={
                "place": f"states.{program.states[state]}",
                "remedy": "Give whole numbers of molecules.",
            },
        )
