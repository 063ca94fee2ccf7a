"""Parsimonious FBA: the best objective, and then the least total flux that gives it."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from bioxen.protocol.metabolic import PfbaRequest
from bioxen.server.engines.metabolic.findings import Findings, flux_state, solved_by
from bioxen.server.engines.metabolic.problem import build_problem
from bioxen.server.engines.metabolic.program import Held, Program, hold_objective, split_bounds
from bioxen.server.engines.metabolic.solver import NoOptimum, Outcome, linear_program
from bioxen.server.engines.metabolic.unsolved import unsolved


def pfba(request: PfbaRequest, program: Program) -> Findings:
    """Return the flux distribution of least total flux among those whose objective is near the best."""
    problem = build_problem(request, program.network)
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    held = hold_objective(program, problem, best, request.fraction_of_optimum)
    least = _least_total_flux(program, held)
    if isinstance(least, NoOptimum):  # the best fluxes fulfil the condition, so this is the solver's failure
        return unsolved(request, program, problem, NoOptimum("numeric"))
    forward, backward = np.split(least.x[: 2 * len(program.network.reactions)], 2)
    fluxes = forward - backward
    objective = float(problem.objective @ fluxes) + 0.0
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: the objective is {objective:.6g} at a total flux of {least.value:.6g}.",
        optimal_objective=objective,
        flux_state=flux_state(request, program.network, fluxes),
        certificate=least.certificate,
        settings={"fraction_of_optimum": request.fraction_of_optimum, **solved_by(best, least)},
    )


def _least_total_flux(program: Program, held: Held) -> Outcome:
    """Minimise Σ(v⁺ + v⁻) over the held problem, whose further column, if any, is no flux."""
    count = len(program.network.reactions)
    lower, upper = split_bounds(held.lower[:count], held.upper[:count])
    cost = np.ones(2 * count)
    if len(held.lower) == count:
        return program.split_fluxes.solve(lower, upper, cost)
    matrix = held.programs.matrix
    split = sparse.csc_array(
        sparse.hstack([matrix[:, :count], -matrix[:, :count], matrix[:, count:]], format="csc")
    )
    bounds = np.append(lower, held.lower[count:]), np.append(upper, held.upper[count:])
    cost = np.append(cost, np.zeros(len(held.lower) - count))
    return linear_program(split, *bounds, cost, kernel=False).solve(*bounds, cost)
