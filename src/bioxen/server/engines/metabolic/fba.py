"""Flux balance analysis: one linear program."""

from __future__ import annotations

from bioxen.protocol.metabolic import FbaRequest
from bioxen.server.engines.metabolic.findings import Findings, flux_state, solved_by
from bioxen.server.engines.metabolic.problem import build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved


def fba(request: FbaRequest, program: Program) -> Findings:
    """Return a flux distribution with the best objective."""
    problem = build_problem(request, program.network)
    outcome = program.optimise(problem)
    if isinstance(outcome, NoOptimum):
        return unsolved(request, program, problem, outcome)
    best = problem.objective_value(outcome.value)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: the objective is {best:.6g}.",
        optimal_objective=best,
        flux_state=flux_state(program.network, outcome.x),
        certificate=outcome.certificate,
        settings=solved_by(outcome),
    )
