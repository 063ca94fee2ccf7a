"""Flux variability analysis: each reaction's least and greatest flux near the best objective."""

from __future__ import annotations

import numpy as np

from bioxen.protocol.metabolic import Certificate, FluxRange, FvaRequest
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Held, Program, hold_objective
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum, worst
from bioxen.server.engines.metabolic.unsolved import unsolved


def fva(request: FvaRequest, program: Program) -> Findings:
    """Return the range of each reaction's flux."""
    network = program.network
    problem = build_problem(request, network)
    names = network.reactions if request.reactions is None else request.reactions
    columns = find_reactions(names, network, "reactions")
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    search = _Search(hold_objective(program, problem, best, request.fraction_of_optimum), best)
    ranges = {}
    for name, column in zip(names, columns, strict=True):
        ranges[name] = FluxRange(minimum=search.least(column), maximum=search.greatest(column))
        if search.failed:
            return unsolved(request, program, problem, NoOptimum("numeric"))
    objective = problem.objective_value(best.value)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: the ranges hold where the objective is near its best, {objective:.6g}.",
        optimal_objective=objective,
        flux_ranges=ranges,
        certificate=worst(search.certificates),
        settings={"fraction_of_optimum": request.fraction_of_optimum},
    )


class _Search:
    """Solves for one extreme after another; a flux that was seen at its bound needs no solve."""

    def __init__(self, held: Held, best: Optimum) -> None:
        self.held = held
        self.count = len(best.x)
        self.seen_low = np.zeros(self.count, dtype=bool)
        self.seen_high = np.zeros(self.count, dtype=bool)
        self.certificates: list[Certificate] = []
        self.failed = False
        self._note(best)

    def least(self, column: int) -> float | None:
        """Return the least flux of `column`; null where nothing limits it."""
        if self.seen_low[column]:
            return float(self.held.lower[column]) + 0.0
        value = self._extreme(column, 1.0)
        return None if value is None else value + 0.0

    def greatest(self, column: int) -> float | None:
        """Return the greatest flux of `column`; null where nothing limits it."""
        if self.seen_high[column]:
            return float(self.held.upper[column]) + 0.0
        value = self._extreme(column, -1.0)
        return None if value is None else -value + 0.0

    def _extreme(self, column: int, sign: float) -> float | None:
        cost: Vector = np.zeros(self.count)
        cost[column] = sign
        outcome = self.held.solve(cost)
        if isinstance(outcome, Optimum):
            self._note(outcome)
            return outcome.value
        self.failed |= outcome.status != "unbounded"
        return None

    def _note(self, vertex: Optimum) -> None:
        fluxes = vertex.x[: self.count]
        self.seen_low |= fluxes == self.held.lower[: self.count]
        self.seen_high |= fluxes == self.held.upper[: self.count]
        self.certificates.append(vertex.certificate)
