"""Flux balance analysis: one linear program, and what it leaves open where that is asked for."""

from __future__ import annotations

from bioxen.protocol.metabolic import FbaRequest
from bioxen.server.engines.metabolic.findings import Findings, flux_state, solved_by
from bioxen.server.engines.metabolic.prices import optimal_hull, priced, prices_of, uniqueness_of
from bioxen.server.engines.metabolic.problem import Problem, build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved


def fba(request: FbaRequest, program: Program) -> Findings:
    """Return a flux distribution with the best objective."""
    problem = build_problem(request, program.network)
    outcome = program.optimise(problem)
    if isinstance(outcome, NoOptimum):
        return unsolved(request, program, problem, outcome)
    best = problem.objective_value(outcome.value)
    found = Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: the objective is {best:.6g}.",
        optimal_objective=best,
        flux_state=flux_state(request, program.network, outcome.x),
        certificate=outcome.certificate,
        settings=solved_by(outcome),
    )
    if request.report_shadow_prices or request.report_uniqueness:
        return _with_duals(request, program, problem, found)
    return found


def _with_duals(request: FbaRequest, program: Program, problem: Problem, found: Findings) -> Findings:
    optimum = priced(program, problem)
    hull = (
        optimal_hull(program, problem, optimum)
        if request.report_uniqueness and not isinstance(optimum, NoOptimum)
        else None
    )
    if isinstance(optimum, NoOptimum) or isinstance(hull, NoOptimum) or found.certificate is None:
        return unsolved(request, program, problem, NoOptimum("numeric"))
    prices = prices_of(program, problem, optimum) if request.report_shadow_prices else None
    return found.but(
        shadow_prices=None if prices is None else prices.shadow_prices,
        reduced_costs=None if prices is None else prices.reduced_costs,
        uniqueness=None if hull is None else uniqueness_of(program, hull),
        certificate=worst([found.certificate, optimum.certificate]),
    )
