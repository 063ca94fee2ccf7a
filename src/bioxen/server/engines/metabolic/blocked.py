"""Blocked reactions: those that carry no flux in any steady state between the bounds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bioxen.protocol.metabolic import BlockedReactionsRequest
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.hull import find_hull
from bioxen.server.engines.metabolic.network import Network
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum
from bioxen.server.engines.metabolic.unsolved import unsolved

OPENED = 1000.0
"""How far open exchanges go at least, mmol/gDW/h; COBRApy's number."""


def blocked_reactions(request: BlockedReactionsRequest, program: Program) -> Findings:
    """Return the reactions whose flux is 0 whatever the others do."""
    network = program.network
    problem = build_problem(request, network)
    names = list(network.reactions) if request.reactions is None else request.reactions
    columns = find_reactions(names, network, "reactions")
    if request.open_exchanges:
        problem = _opened(problem, network)
    some = program.fluxes.solve(problem.lower, problem.upper, np.zeros(len(network.reactions)))
    if isinstance(some, NoOptimum):
        return unsolved(request, program, problem, some)
    hull = find_hull(program.fluxes, network.stoichiometry, (problem.lower, problem.upper), some.x)
    if isinstance(hull, NoOptimum):
        return unsolved(request, program, problem, hull)
    still = ~hull.varies & (np.abs(hull.inside) <= request.cutoff)
    found = [name for name, column in zip(names, columns, strict=True) if still[column]]
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {len(found)} of {len(names)} reactions are blocked.",
        blocked=found,
        certificate=some.certificate,
        settings={"open_exchanges": request.open_exchanges, "cutoff": request.cutoff},
    )


def _opened(problem: Problem, network: Network) -> Problem:
    columns = list(network.exchanges)
    lower, upper = problem.lower.copy(), problem.upper.copy()
    lower[columns] = np.minimum(lower[columns], -OPENED)
    upper[columns] = np.maximum(upper[columns], OPENED)
    return replace(problem, lower=lower, upper=upper)
