"""MOMA and ROOM: where the fluxes of a changed cell go when they stay near those of the unchanged one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import (
    Adjustment,
    AdjustmentRequest,
    Certificate,
    LinearMomaRequest,
    MomaRequest,
    PfbaRequest,
    RoomRequest,
)
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.metabolic.derived import as_request, flux_range
from bioxen.server.engines.metabolic.findings import Findings, flux_state
from bioxen.server.engines.metabolic.hull import Indices
from bioxen.server.engines.metabolic.milp import MAX_NODES, MixedProgram, solve_mixed
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.pfba import pfba
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_reaction
from bioxen.server.engines.metabolic.program import Program, split_bounds
from bioxen.server.engines.metabolic.quadratic import CLARABEL_VERSION, nearest
from bioxen.server.engines.metabolic.rows import Mask, PricedOptimum, RowProgram, stacked
from bioxen.server.engines.metabolic.solver import NoOptimum, Outcome, linear_program
from bioxen.server.engines.metabolic.unsolved import unsolved

BALANCED = 1e-9
"""A reference whose |S·w| is below this is at steady state."""
ROOMY = 1e-6
"""What is added to an attained range, so that no rounding error closes it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """The fluxes before the change."""

    fluxes: Vector
    compared: Mask
    """Which of them the distance counts."""


def moma(request: MomaRequest, program: Program) -> Findings:
    """Return the fluxes at the least Euclidean distance from the reference."""
    problem = build_problem(request, program.network)
    reference = _reference(request, program, problem)
    if isinstance(reference, Findings):
        return reference
    if not program.fluxes.feasible(problem.lower, problem.upper):
        return unsolved(request, program, problem, NoOptimum("infeasible"))
    weight = reference.compared.astype(float)
    matrix = program.network.stoichiometry
    found = nearest(matrix, problem.lower, problem.upper, reference.fluxes, weight)
    if isinstance(found, NoOptimum):
        return unsolved(request, program, problem, found)
    distance = math.sqrt(2.0 * found.value)
    adjustment = _adjustment("euclidean", distance, reference, program)
    settings: dict[str, Setting] = {"solver": f"Clarabel {CLARABEL_VERSION}"}
    return _findings(request, program, problem, found.x, adjustment, found.certificate, settings)


def linear_moma(request: LinearMomaRequest, program: Program) -> Findings:
    """Return the fluxes at the least sum of absolute differences from the reference."""
    problem = build_problem(request, program.network)
    reference = _reference(request, program, problem)
    if isinstance(reference, Findings):
        return reference
    found = _least_shift(program, problem, reference)
    if isinstance(found, NoOptimum):
        return unsolved(request, program, problem, found)
    up, down = np.split(found.x[: 2 * len(problem.lower)], 2)
    fluxes = np.clip(reference.fluxes + up - down, problem.lower, problem.upper)  # rounding of the sum only
    adjustment = _adjustment("manhattan", found.value, reference, program)
    return _findings(request, program, problem, fluxes, adjustment, found.certificate, {})


def room(request: RoomRequest, program: Program) -> Findings:
    """Return the fluxes with the fewest significant changes from the reference."""
    problem = build_problem(request, program.network)
    reference = _reference(request, program, problem)
    if isinstance(reference, Findings):
        return reference
    if not program.fluxes.feasible(problem.lower, problem.upper):
        return unsolved(request, program, problem, NoOptimum("infeasible"))
    found = _fewest_changes(request, program, problem, reference)
    if isinstance(found, NoOptimum):
        return _no_room(request, program, problem, found)
    fluxes, switches = np.split(found.x, [len(problem.lower)])
    columns = np.flatnonzero(reference.compared)
    changed = [program.network.reactions[column] for column in columns[switches > 1e-6]]
    measure: Literal["relaxed_changed_fluxes", "changed_fluxes"] = (
        "relaxed_changed_fluxes" if request.relaxed else "changed_fluxes"
    )
    adjustment = _adjustment(measure, found.value, reference, program).model_copy(update={"changed": changed})
    settings: dict[str, Setting] = {"delta": request.delta, "epsilon": request.epsilon}
    return _findings(
        request, program, problem, fluxes, adjustment, found.certificate, {} if request.relaxed else settings
    )


def _reference(request: AdjustmentRequest, program: Program, problem: Problem) -> _Reference | Findings:
    """Return the reference fluxes; the findings on the unchanged cell where it has no optimum."""
    network = program.network
    fluxes: Vector = np.zeros(len(network.reactions))
    if request.reference is not None:
        compared = np.zeros(len(fluxes), dtype=bool)
        for name, flux in request.reference.items():
            column = find_reaction(name, network, f"reference.{name}")
            fluxes[column], compared[column] = flux, True
        return _Reference(fluxes, compared)
    wild = pfba(as_request(request, PfbaRequest, gene_knockouts=[], reaction_knockouts=[]), program)
    if wild.flux_state is None:
        return wild.but(problem=problem, message=f"The reference, before the knock-outs: {wild.message}")
    fluxes[:] = list(wild.flux_state.values())
    return _Reference(fluxes, np.ones(len(fluxes), dtype=bool))


def _least_shift(program: Program, problem: Problem, reference: _Reference) -> Outcome:
    """Minimise Σ(up + down), v = reference + up − down; the reference enters through a column held at 1."""
    shift = split_bounds(problem.lower - reference.fluxes, problem.upper - reference.fluxes)
    cost = np.tile(reference.compared.astype(float), 2)
    drift = program.network.stoichiometry @ reference.fluxes
    if np.max(np.abs(drift), initial=0.0) <= BALANCED:
        return program.split_fluxes.solve(*shift, cost)
    matrix = sparse.csc_array(sparse.hstack([program.split_fluxes.matrix, sparse.csc_array(drift[:, None])]))
    bounds = np.append(shift[0], 1.0), np.append(shift[1], 1.0)
    cost = np.append(cost, 0.0)
    return linear_program(matrix, *bounds, cost, kernel=False).solve(*bounds, cost)


def _fewest_changes(
    request: RoomRequest, program: Program, problem: Problem, reference: _Reference
) -> PricedOptimum | NoOptimum:
    """Solve ROOM over fluxes v and switches y: v leaves its tolerance only where y is not 0."""
    columns = np.flatnonzero(reference.compared)
    flux = reference.fluxes[columns]
    bounds = _bounds_of_switches(request, program, problem, columns)
    if isinstance(bounds, NoOptimum):
        return bounds
    low, high = bounds
    slack = np.zeros(len(flux)) if request.relaxed else request.delta * np.abs(flux) + request.epsilon
    most, least = flux + slack, flux - slack
    matrix, count = program.network.stoichiometry, len(columns)
    pick = sparse.csr_array((np.ones(count), (np.arange(count), columns)), shape=(count, len(problem.lower)))
    rows = stacked(
        [
            [matrix, None],
            [pick, sparse.diags_array(most - high)],  # v ≤ most + y·(high − most)
            [pick, sparse.diags_array(least - low)],  # v ≥ least + y·(low − least)
        ]
    )
    balance, free = np.zeros(matrix.shape[0]), np.full(count, np.inf)
    program_ = MixedProgram(
        rows,
        row_lower=np.concatenate([balance, -free, least]),
        row_upper=np.concatenate([balance, most, free]),
        lower=np.append(problem.lower, np.zeros(count)),
        upper=np.append(problem.upper, np.ones(count)),
        cost=np.append(np.zeros(len(problem.lower)), np.ones(count)),
        integer=np.append(np.zeros(len(problem.lower), dtype=bool), np.ones(count, dtype=bool)),
    )
    if not request.relaxed:
        return solve_mixed(program_)
    linear = RowProgram(program_.matrix, program_.row_lower, program_.row_upper)
    return linear.solve(program_.lower, program_.upper, program_.cost)


def _no_room(request: RoomRequest, program: Program, problem: Problem, found: NoOptimum) -> Findings:
    if found.status != "numeric" or request.relaxed:
        return unsolved(request, program, problem, found)
    return Findings(
        problem=problem,
        status="numeric",
        message=f"Numeric: the fewest changes were not proven within {MAX_NODES:,} nodes of the search. "
        "Ask for `relaxed`, for linear MOMA, or compare fewer reactions with `reference`.",
    )


def _bounds_of_switches(
    request: RoomRequest, program: Program, problem: Problem, columns: Indices
) -> tuple[Vector, Vector] | NoOptimum:
    """Return the bounds that a switch opens to: those attained, for the tightest search, or the given ones.

    The relaxed program counts shares of the given bounds, so there they are part of its meaning.
    """
    low, high = problem.lower[columns], problem.upper[columns]
    if request.relaxed:
        _check_finite(program, columns[~np.isfinite(low) | ~np.isfinite(high)])
        return low, high
    ranges = [flux_range(program, problem, int(column)) for column in columns]
    attained = [one for one in ranges if not isinstance(one, NoOptimum)]
    if len(attained) == len(ranges):
        least, greatest = np.array(attained).reshape(-1, 2).T
        return np.maximum(low, least - ROOMY), np.minimum(high, greatest + ROOMY)
    failed = [column for column, one in zip(columns, ranges, strict=True) if isinstance(one, NoOptimum)]
    _check_finite(program, np.array(failed))
    return NoOptimum("numeric")


def _check_finite(program: Program, endless: Indices) -> None:
    if len(endless):
        name = program.network.reactions[endless[0]]
        raise ValidationError(
            f"ROOM needs finite bounds on every reaction it compares, and {name} has none",
            details={"place": f"constraints.{name}", "remedy": "Give it bounds, such as [-1000, 1000]."},
        )


def _adjustment(
    measure: Literal["euclidean", "manhattan", "changed_fluxes", "relaxed_changed_fluxes"],
    distance: float,
    reference: _Reference,
    program: Program,
) -> Adjustment:
    return Adjustment(
        measure=measure,
        distance=distance + 0.0,
        reference={
            program.network.reactions[column]: float(reference.fluxes[column]) + 0.0
            for column in np.flatnonzero(reference.compared)
        },
    )


def _findings(
    request: AdjustmentRequest,
    program: Program,
    problem: Problem,
    fluxes: Vector,
    adjustment: Adjustment,
    certificate: Certificate,
    settings: dict[str, Setting],
) -> Findings:
    objective = float(problem.objective @ fluxes) + 0.0
    named = adjustment.measure.replace("_", " ")
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {named} distance {adjustment.distance:.6g}; the objective is {objective:.6g}.",
        optimal_objective=objective,
        flux_state=flux_state(request, program.network, fluxes),
        adjustment=adjustment,
        certificate=certificate,
        settings=settings,
    )
