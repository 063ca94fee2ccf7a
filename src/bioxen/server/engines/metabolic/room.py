"""ROOM: the fluxes of a changed cell with the fewest significant changes from those of the unchanged one."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import RoomRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.metabolic.families import Ranges, find_ranges
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.hull import Indices
from bioxen.server.engines.metabolic.milp import TINY, MixedProgram, solve_mixed
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.reduction import Reduction
from bioxen.server.engines.metabolic.reference import (
    Reference,
    adjusted,
    feasible,
    least_shift,
    measured,
    reference_of,
)
from bioxen.server.engines.metabolic.rows import stacked
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved

ROOMY = 1e-6
"""What is added to an attained range, so that no rounding error closes it."""
SWITCHED = 1e-6
"""A share of a change above this is one."""
HALF = 0.5
"""Between two whole numbers."""
MAX_SECONDS = 60.0
"""The search ends then with the best it has; the one answer that depends on the machine, and it says so."""


def room(request: RoomRequest, program: Program) -> Findings:
    """Return the fluxes with the fewest significant changes from the reference."""
    problem = build_problem(request, program.network)
    before = reference_of(request, program, problem)
    if isinstance(before, Findings):
        return before
    if not feasible(program, problem):
        return unsolved(request, program, problem, NoOptimum("infeasible"))
    solve = _relaxed if request.relaxed else _with_switches
    return solve(request, program, problem, before)


def _relaxed(request: RoomRequest, program: Program, problem: Problem, before: Reference) -> Findings:
    """A share of a change is the way to the bound that was gone: linear MOMA with that as the costs."""
    compared = np.flatnonzero(before.compared)
    ends = np.isfinite(problem.lower) & np.isfinite(problem.upper)
    _check_finite(program, compared[~ends[compared]])
    cost = np.concatenate([problem.upper - before.fluxes, before.fluxes - problem.lower])
    counts = np.tile(before.compared, 2) & (cost > 0)
    cost = np.where(counts, 1.0 / np.where(counts, cost, 1.0), 0.0)
    found = least_shift(program, problem, before, cost)
    if isinstance(found, NoOptimum):
        return unsolved(request, program, problem, found)
    shares = (cost * found.parts).reshape(2, -1).sum(axis=0)
    changed = [program.network.reactions[column] for column in np.flatnonzero(shares > SWITCHED)]
    adjustment = measured("relaxed_changed_fluxes", found.value, before, program, changed)
    return adjusted(request, program, problem, found.fluxes, adjustment, found.certificate, {})


def _with_switches(request: RoomRequest, program: Program, problem: Problem, before: Reference) -> Findings:
    columns = np.flatnonzero(before.compared)
    ranges = find_ranges(program.fluxes, (problem.lower, problem.upper), problem.cost, columns.tolist())
    if not ranges.complete:
        return unsolved(request, program, problem, NoOptimum("numeric"))
    _check_finite(program, columns[np.isinf(ranges.least) | np.isinf(ranges.greatest)])
    mixed, open_ = _switches(request, program.fluxes.reduction, problem, before, ranges)
    start = _start(program, problem, before, mixed)
    found = solve_mixed(mixed, whole=True, seconds=MAX_SECONDS, start=start)
    if isinstance(found, NoOptimum):
        return unsolved(request, program, problem, found)
    count = program.fluxes.reduction.matrix.shape[1]
    fluxes = program.fluxes.reduction.expand(found.x[:count], problem.lower, problem.upper)
    names = [program.network.reactions[column] for column in columns[open_[found.x[count:] > HALF]]]
    adjustment = measured("changed_fluxes", found.value, before, program, names)
    settings: dict[str, Setting] = {
        "delta": request.delta,
        "epsilon": request.epsilon,
        "time_limit": MAX_SECONDS,
    }
    findings = adjusted(request, program, problem, fluxes, adjustment, found.certificate, settings)
    gap = found.certificate.duality_gap or 0.0
    if gap < HALF:
        return findings
    message = (
        f"Feasible: {found.value:.0f} changes, and {found.value - gap:.0f} are proven to be needed; "
        f"the search ended. Ask for `relaxed` or linear MOMA, or compare fewer reactions."
    )
    return findings.but(status="feasible", message=message)


def _start(program: Program, problem: Problem, before: Reference, mixed: MixedProgram) -> Vector | None:
    """Return linear MOMA's fluxes, few of which change, and the switches that they need."""
    near = least_shift(program, problem, before, np.tile(before.compared.astype(float), 2))
    if isinstance(near, NoOptimum):
        return None
    reduction = program.fluxes.reduction
    first = reduction.members[reduction.starts]
    z = near.fluxes[first] / reduction.factor[first]
    switched = mixed.lower[len(z) :].copy()
    activity = mixed.matrix[:, : len(z)] @ z
    missed = (activity > mixed.row_upper + TINY) | (activity < mixed.row_lower - TINY)
    needs = abs(mixed.matrix[:, len(z) :][missed]).sum(axis=0) > 0
    switched[needs] = 1.0
    return np.concatenate([z, switched])


def _switches(
    request: RoomRequest, reduction: Reduction, problem: Problem, before: Reference, ranges: Ranges
) -> tuple[MixedProgram, Indices]:
    """Return ROOM over the coupled fluxes z and the switches y of fluxes that can leave their tolerance.

    v leaves it only where y is 1, and then goes no further than it can: v ≤ most + y·(greatest − most).
    """
    columns = np.flatnonzero(before.compared)
    flux = before.fluxes[columns]
    slack = request.delta * np.abs(flux) + request.epsilon
    most, least = flux + slack, flux - slack
    above, below = np.flatnonzero(ranges.greatest > most), np.flatnonzero(ranges.least < least)
    open_ = np.union1d(above, below)
    must = ((ranges.least > most) | (ranges.greatest < least))[open_]
    count = reduction.matrix.shape[1]

    def fluxes(which: Indices) -> sparse.csr_array:
        root, factor = reduction.root[columns[which]], reduction.factor[columns[which]]
        moves = root >= 0
        entries = (factor[moves], (np.flatnonzero(moves), root[moves]))
        return sparse.csr_array(entries, shape=(len(which), count))

    def switches(which: Indices, room: Vector) -> sparse.csr_array:
        entries = (room[which], (np.arange(len(which)), np.searchsorted(open_, which)))
        return sparse.csr_array(entries, shape=(len(which), len(open_)))

    rows = stacked(
        [
            [reduction.matrix, None],
            [fluxes(above), switches(above, most - ranges.greatest - ROOMY)],
            [fluxes(below), switches(below, least - ranges.least + ROOMY)],
        ]
    )
    bounds = reduction.fold_bounds(problem.lower, problem.upper)
    assert bounds is not None  # noqa: S101 - for the types: it is feasible
    balance = np.zeros(reduction.matrix.shape[0])
    mixed = MixedProgram(
        rows,
        row_lower=np.concatenate([balance, np.full(len(above), -np.inf), least[below]]),
        row_upper=np.concatenate([balance, most[above], np.full(len(below), np.inf)]),
        lower=np.append(bounds[0], must.astype(float)),
        upper=np.append(bounds[1], np.ones(len(open_))),
        cost=np.append(np.zeros(count), np.ones(len(open_))),
        integer=np.append(np.zeros(count, dtype=bool), np.ones(len(open_), dtype=bool)),
    )
    return mixed, open_


def _check_finite(program: Program, endless: Indices) -> None:
    if len(endless):
        name = program.network.reactions[endless[0]]
        raise ValidationError(
            f"ROOM needs finite bounds on every reaction it compares, and {name} has none",
            details={"place": f"constraints.{name}", "remedy": "Give it bounds, such as [-1000, 1000]."},
        )
