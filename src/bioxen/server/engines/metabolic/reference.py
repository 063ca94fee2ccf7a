"""The fluxes before a change, and how far those after it are from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from bioxen.protocol.metabolic import Adjustment, AdjustmentRequest, Certificate, PfbaRequest
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.metabolic.derived import as_request
from bioxen.server.engines.metabolic.findings import Findings, flux_state
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.pfba import pfba
from bioxen.server.engines.metabolic.problem import Problem, find_reaction
from bioxen.server.engines.metabolic.program import Program, split_bounds
from bioxen.server.engines.metabolic.rows import Mask
from bioxen.server.engines.metabolic.solver import NoOptimum, Outcome, linear_program

BALANCED = 1e-9
"""A reference whose |S·w| is below this is at steady state."""


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The fluxes before the change."""

    fluxes: Vector
    compared: Mask
    """Which of them the distance counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Shift:
    """Fluxes at the least cost of going up and down from a reference."""

    fluxes: Vector
    parts: Vector
    """How far each goes up, then how far each goes down."""
    value: float
    certificate: Certificate


def reference_of(request: AdjustmentRequest, program: Program, problem: Problem) -> Reference | Findings:
    """Return the reference fluxes; the findings on the unchanged cell where it has no optimum."""
    network = program.network
    fluxes: Vector = np.zeros(len(network.reactions))
    if request.reference is not None:
        compared = np.zeros(len(fluxes), dtype=bool)
        for name, flux in request.reference.items():
            column = find_reaction(name, network, f"reference.{name}")
            fluxes[column], compared[column] = flux, True
        return Reference(fluxes, compared)
    wild = pfba(as_request(request, PfbaRequest, gene_knockouts=[], reaction_knockouts=[]), program)
    if wild.flux_state is None:
        return wild.but(problem=problem, message=f"The reference, before the knock-outs: {wild.message}")
    fluxes[:] = list(wild.flux_state.values())
    return Reference(fluxes, np.ones(len(fluxes), dtype=bool))


def feasible(program: Program, problem: Problem) -> bool:
    """Return whether some fluxes are possible; the kernel tells, from the objective it knows."""
    found = program.optimise(problem)
    if isinstance(found, NoOptimum) and found.status == "numeric":
        return program.fluxes.feasible(problem.lower, problem.upper)
    return not (isinstance(found, NoOptimum) and found.status == "infeasible")


def least_shift(program: Program, problem: Problem, before: Reference, cost: Vector) -> Shift | NoOptimum:
    """Minimise cost·[up, down], v = before + up − down; the reference enters through a column held at 1."""
    found = _least_shift(program, problem, before, cost)
    if isinstance(found, NoOptimum):
        return found
    parts = found.x[: len(cost)]
    up, down = np.split(parts, 2)
    fluxes = np.clip(before.fluxes + up - down, problem.lower, problem.upper)  # rounding of the sum only
    return Shift(fluxes, parts, found.value, found.certificate)


def _least_shift(program: Program, problem: Problem, reference: Reference, cost: Vector) -> Outcome:
    shift = split_bounds(problem.lower - reference.fluxes, problem.upper - reference.fluxes)
    drift = program.network.stoichiometry @ reference.fluxes
    if np.max(np.abs(drift), initial=0.0) <= BALANCED:
        return program.shifts.solve(*shift, cost)
    matrix = sparse.csc_array(sparse.hstack([program.split_fluxes.matrix, sparse.csc_array(drift[:, None])]))
    bounds = np.append(shift[0], 1.0), np.append(shift[1], 1.0)
    cost = np.append(cost, 0.0)
    return linear_program(matrix, *bounds, cost, kernel=False).solve(*bounds, cost)


def measured(
    measure: Literal["euclidean", "manhattan", "changed_fluxes", "relaxed_changed_fluxes"],
    distance: float,
    reference: Reference,
    program: Program,
    changed: list[str] | None = None,
) -> Adjustment:
    """Return the distance and what it was measured from."""
    return Adjustment(
        measure=measure,
        distance=distance + 0.0,
        reference={
            program.network.reactions[column]: float(reference.fluxes[column]) + 0.0
            for column in np.flatnonzero(reference.compared)
        },
        changed=changed,
    )


def adjusted(
    request: AdjustmentRequest,
    program: Program,
    problem: Problem,
    fluxes: Vector,
    adjustment: Adjustment,
    certificate: Certificate,
    settings: dict[str, Setting],
) -> Findings:
    """Return the findings on the fluxes at the least distance."""
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
