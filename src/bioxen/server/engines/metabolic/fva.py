"""Flux variability analysis: each reaction's least and greatest flux near the best objective."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bioxen.protocol.metabolic import FluxRange, FvaRequest
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.findings import Findings, solved_by
from bioxen.server.engines.metabolic.problem import build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Program, hold_objective
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved


def fva(request: FvaRequest, program: Program) -> Findings:
    """Return the range of each reaction's flux."""
    network = program.network
    problem = build_problem(request, network)
    names: Sequence[str] = network.reactions if request.reactions is None else request.reactions
    everything = list(range(len(network.reactions)))
    columns = everything if request.reactions is None else find_reactions(names, network, "reactions")
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    held = hold_objective(program, problem, best, request.fraction_of_optimum)
    with progress.one_run():
        found = held.ranges(problem.cost, columns)
    if not found.complete:
        return unsolved(request, program, problem, NoOptimum("numeric"))
    ends = zip(names, found.least.tolist(), found.greatest.tolist(), strict=True)
    make = FluxRange.model_construct  # of numbers that were looked at above: thousands, one by one, take long
    ranges = {name: make(minimum=_finite(least), maximum=_finite(greatest)) for name, least, greatest in ends}
    objective = problem.objective_value(best.value)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: the ranges hold where the objective is near its best, {objective:.6g}.",
        optimal_objective=objective,
        flux_ranges=ranges,
        certificate=worst([best.certificate, *found.certificates]),
        settings={"fraction_of_optimum": request.fraction_of_optimum, **solved_by(best, found)},
    )


def _finite(value: float) -> float | None:
    """Return `value`; null where nothing limits the flux."""
    return value if math.isfinite(value) else None
