"""Loopless FBA and FVA; how cycles are kept out stands in `loops`."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bioxen.protocol.metabolic import Certificate, FluxRange, LooplessFbaRequest, LooplessFvaRequest
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.findings import Findings, flux_state
from bioxen.server.engines.metabolic.loops import LoopLaw, cycle_flux, without_cycles
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Held, Program, hold_objective, limit_of
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.rows import PricedOptimum
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum
from bioxen.server.engines.metabolic.unsolved import unsolved

LEFT = 1e-6
"""A cycle that carries less than this, scaled to at most 1, is none."""


def loopless_fba(request: LooplessFbaRequest, program: Program) -> Findings:
    """Return fluxes with the best objective and no internal cycle."""
    problem = build_problem(request, program.network)
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    found: Optimum | PricedOptimum | NoOptimum
    if request.method == "exact":
        found = LoopLaw(program, problem).solve(problem.lower, problem.upper, problem.cost)
    else:
        found = without_cycles(program, problem, best.x)
    if isinstance(found, NoOptimum):
        return _no_loopless(request, program, problem, found)
    count = len(program.network.reactions)
    fluxes = found.x[:count]
    objective = float(problem.objective @ fluxes) + 0.0
    left = cycle_flux(program, fluxes)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: the objective is {objective:.6g}; {_words(left)}.",
        optimal_objective=objective,
        flux_state=flux_state(request, program.network, fluxes),
        certificate=found.certificate,
        settings={"loopless": request.method, "cycle_left": left},
    )


def loopless_fva(request: LooplessFvaRequest, program: Program) -> Findings:
    """Return the range of each flux among loopless fluxes near the best objective."""
    network = program.network
    problem = build_problem(request, network)
    names = list(network.reactions) if request.reactions is None else request.reactions
    columns = find_reactions(names, network, "reactions")
    plain = program.optimise(problem)
    if isinstance(plain, NoOptimum):
        return unsolved(request, program, problem, plain)
    law = LoopLaw(program, problem)
    best = plain if law.separable else law.solve(problem.lower, problem.upper, problem.cost)
    if isinstance(best, NoOptimum):
        return _no_loopless(request, program, problem, best)
    objective = problem.objective_value(best.value)
    search = _Search(law, hold_objective(program, problem, plain, request.fraction_of_optimum), problem)
    search.worst_cost = _cost(problem, limit_of(problem, objective, request.fraction_of_optimum))
    ranges: dict[str, FluxRange] = {}
    for number, (name, column) in enumerate(zip(names, columns, strict=True)):
        progress.tell(number, len(names), "reactions")
        ranges[name] = search.range(column)
    if search.failed:
        return unsolved(request, program, problem, NoOptimum("numeric"))
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: the loopless ranges hold where the objective is near its best, {objective:.6g}.",
        optimal_objective=objective,
        flux_ranges=ranges,
        certificate=worst([best.certificate, *search.certificates]),
        settings={
            "fraction_of_optimum": request.fraction_of_optimum,
            "loopless": "exact",
            "cyclic_reactions": len(law.cyclic),
        },
    )


@dataclass
class _Search:
    """Asks for extremes: by the loop law where a cycle matters, by a linear program elsewhere."""

    law: LoopLaw
    held: Held
    problem: Problem
    worst_cost: float = np.inf
    certificates: list[Certificate] = field(default_factory=list)
    failed: bool = False

    def __post_init__(self) -> None:
        self.switched = set(self.law.cyclic.tolist())

    def range(self, column: int) -> FluxRange:
        """Return the range of one flux."""
        least, greatest = self._extreme(column, 1.0), self._extreme(column, -1.0)
        return FluxRange(
            minimum=None if least is None else least + 0.0,
            maximum=None if greatest is None else -greatest + 0.0,
        )

    def _extreme(self, column: int, sign: float) -> float | None:
        cost: Vector = np.zeros(len(self.problem.lower))
        cost[column] = sign
        found = self._solve(column, cost)
        if isinstance(found, Optimum | PricedOptimum):
            self.certificates.append(found.certificate)
            return found.value
        self.failed |= found.status != "unbounded"
        return None

    def _solve(self, column: int, cost: Vector) -> Optimum | PricedOptimum | NoOptimum:
        if self.law.separable and column not in self.switched:
            return self.held.solve(cost)
        return self.law.solve(self.problem.lower, self.problem.upper, cost, self.worst_cost)


def _cost(problem: Problem, objective: float) -> float:
    """Return the cost of an objective, with room for the solver's tolerance."""
    cost = -objective if problem.direction == "max" else objective
    return cost + 1e-9 * max(1.0, abs(cost))


def _words(left: float | None) -> str:
    if left is None:
        return "whether a cycle is left could not be proven"
    return "no cycle is left" if left < LEFT else "cycles are left that bounds or the objective force"


def _no_loopless(
    request: LooplessFbaRequest | LooplessFvaRequest, program: Program, problem: Problem, found: NoOptimum
) -> Findings:
    if found.status != "infeasible":
        return unsolved(request, program, problem, found)
    return Findings(
        problem=problem,
        status="infeasible",
        message="Infeasible: fluxes fulfil all bounds, but only with an internal cycle. "
        "Loosen the bound that forces a flux through the cycle.",
    )
