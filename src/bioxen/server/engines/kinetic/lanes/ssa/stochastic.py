"""Simulate an ensemble of a reaction network event by event: the door to the drivers of this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bioxen.errors import ValidationError
from bioxen.server.engines.kinetic.lanes.asked import check_courses
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.random.streams import Seeds, streams
from bioxen.server.engines.kinetic.lanes.ssa.direct import direct
from bioxen.server.engines.kinetic.lanes.ssa.given import Floats, Truths
from bioxen.server.engines.kinetic.lanes.ssa.layout import STATUS
from bioxen.server.engines.kinetic.lanes.ssa.leap import leap
from bioxen.server.engines.kinetic.lanes.ssa.network import network_of
from bioxen.server.engines.kinetic.lanes.watching import watched

__all__ = ["STATUS", "Realisations", "stochastic"]


@dataclass(frozen=True)
class Realisations:
    """The courses of an ensemble."""

    values: Floats
    """[members][points][states], whole numbers of molecules; NaN from where a member failed."""
    parameters: Floats | None
    """[members][points][parameters], where events may change them."""
    status: NDArray[np.int8]
    """[members]; see `STATUS`."""
    events: NDArray[np.int64]
    """[members]: events simulated, leaps counted as one."""
    method: Literal["direct", "tau-leaping"]


def stochastic(
    program: LaneProgram,
    states: ArrayLike,
    parameters: ArrayLike,
    times: ArrayLike,
    *,
    seed: Seeds,
    first_member: int = 0,
    max_events: int = 100_000_000,
    start: float | None = None,
    method: Literal["direct", "tau-leaping"] = "direct",
    epsilon: float = 0.03,
) -> Realisations:
    """Simulate each member from its own whole numbers of molecules with its own parameters.

    The random numbers of member i are a function of `seed` and `first_member + i` alone, or of its own seed:
    any split of an ensemble gives the same bytes, whatever else is simulated beside it.

    Args:
        program: the network; its rate laws are propensities of single events.
        states: [members][states] at `start`.
        parameters: [members][parameters]
        times: when to report, rising.
        seed: of the whole ensemble, from 0 to 2^64 - 1; or one for each member, as if each were alone.
        first_member: the index of the first row in the whole ensemble; see `streams`.
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
    network = network_of(program)
    check_courses(program, y, p, grid, begin)
    _check_whole(program, network.whole, y)
    if not 0 < epsilon < 1:
        raise ValidationError(
            "Epsilon is out of range.",
            details={"place": "epsilon", "remedy": "Give an epsilon between 0 and 1."},
        )
    reactions = network.reactions(p)
    n, own = y.shape[1], p.shape[1] if program.event_count else 0
    values = np.empty((len(y), len(grid), n + own))
    status, events = np.zeros(len(y), np.int8), np.zeros(len(y), np.int64)
    common = (
        np.where(network.whole, np.round(y), y),
        network.ready.extended(p),
        begin,
        grid,
        streams(seed, first_member, len(y)),
        max_events,
        values,
        status,
        events,
    )
    fluxes = network.ready.addresses["fluxes"]
    if method == "direct":
        exact: Callable[..., None] = direct
        with watched(values):
            exact(fluxes, reactions, network.occasions, *common)
    else:
        network.refuse_leaps()
        matters = np.zeros(n, np.bool_)
        matters[np.asarray(program.jacobian_columns)] = True
        diagonal = np.flatnonzero(program.jacobian_rows == program.jacobian_columns).astype(np.int32)
        functions = np.array([fluxes, program.jacobian], np.int64)
        net = (reactions.pointers, reactions.species, reactions.changes, reactions.size)
        leaping: Callable[..., None] = leap
        with watched(values):
            leaping(functions, *net, matters, diagonal, len(program.jacobian_rows), float(epsilon), *common)
    changed = np.ascontiguousarray(values[:, :, n:]) if own else None
    return Realisations(np.ascontiguousarray(values[:, :, :n]), changed, status, events, method)


def _check_whole(program: LaneProgram, counted: Truths, y: Floats) -> None:
    whole = ~counted | (y >= 0) & (np.abs(y - np.round(y)) <= 1e-9 * np.maximum(1.0, y))
    if not whole.all():
        member, state = (int(index) for index in np.argwhere(~whole)[0])
        raise ValidationError(
            f"{program.states[state]} starts with {y[member, state]:g}, which is no number of molecules.",
            details={
                "place": f"states.{program.states[state]}",
                "remedy": "Give whole numbers of molecules.",
            },
        )
