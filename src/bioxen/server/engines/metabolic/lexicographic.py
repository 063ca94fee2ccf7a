"""Lexicographic FBA: the best objective, the least total flux, then one reaction's least flux after another.

No criterion is held by a tolerance. After each program its reduced costs tell which forward and backward
parts stand at a bound in every optimum; these stay there, exactly, and what is left is the set of all optima.
"""

from __future__ import annotations

import numpy as np

from bioxen.protocol.metabolic import Certificate, LexicographicFbaRequest
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.findings import Findings, flux_state
from bioxen.server.engines.metabolic.hull import find_hull
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Program, split_bounds
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.rows import PricedOptimum, face, steady_state
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved


def lexicographic_fba(request: LexicographicFbaRequest, program: Program) -> Findings:
    """Return the one flux distribution that every criterion in turn leaves."""
    problem = build_problem(request, program.network)
    first = find_reactions(request.order, program.network, "order")
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    narrowing = _Narrowing(program, problem)
    if not (narrowing.solve(np.concatenate([problem.cost, -problem.cost])) and narrowing.solve_total()):
        return unsolved(request, program, problem, NoOptimum("numeric"))
    left = narrowing.undetermined()
    if left is None or not narrowing.decide(list(dict.fromkeys([*first, *left])), left):
        return unsolved(request, program, problem, NoOptimum("numeric"))
    fluxes = narrowing.fluxes()
    objective = float(problem.objective @ fluxes) + 0.0
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: the objective is {objective:.6g}; the total flux left {len(left)} fluxes open.",
        optimal_objective=objective,
        flux_state=flux_state(request, program.network, fluxes),
        certificate=worst(narrowing.certificates),
        settings={"order": "objective, total flux, request's order, model's order; least flux first"},
    )


class _Narrowing:
    """The optima that are left, as bounds on forward and backward parts."""

    def __init__(self, program: Program, problem: Problem) -> None:
        self.program = program
        self.count = len(program.network.reactions)
        self.lower, self.upper = split_bounds(problem.lower, problem.upper)
        self.rows = steady_state(program.split_fluxes.matrix)
        self.certificates: list[Certificate] = []
        self.last: Vector = np.zeros(2 * self.count)

    def solve(self, cost: Vector) -> bool:
        """Keep only the points of least cost; false where that could not be proven."""
        found = self.rows.solve(self.lower, self.upper, cost)
        if not isinstance(found, PricedOptimum):
            return False
        self.lower, self.upper = face(found, self.lower, self.upper)
        self.certificates.append(found.certificate)
        self.last = found.x
        return True

    def solve_total(self) -> bool:
        """Keep only the points of least total flux."""
        return self.solve(np.ones(2 * self.count))

    def undetermined(self) -> list[int] | None:
        """Return the reactions whose flux is still open, in the model's order."""
        hull = find_hull(self.program.split_fluxes, self.rows.matrix, (self.lower, self.upper), self.last)
        if isinstance(hull, NoOptimum):
            return None
        forward, backward = np.split(hull.varies, 2)
        return [int(column) for column in np.flatnonzero(forward | backward)]

    def decide(self, order: list[int], left: list[int]) -> bool:
        """Take the least flux of each reaction that is `left`, in this order."""
        still = set(left)
        for number, column in enumerate([column for column in order if column in still]):
            progress.tell(number, len(left), "fluxes")
            cost: Vector = np.zeros(2 * self.count)
            cost[column], cost[self.count + column] = 1.0, -1.0
            if not self.solve(cost):
                return False
        return True

    def fluxes(self) -> Vector:
        """Return the fluxes that the last program found."""
        forward, backward = np.split(self.last, 2)
        return forward - backward
