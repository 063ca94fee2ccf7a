"""What FBA can say beside its fluxes: shadow prices, reduced costs, and what the optimum determines."""

from __future__ import annotations

from dataclasses import dataclass

from bioxen.protocol.metabolic import Uniqueness
from bioxen.server.engines.metabolic.hull import Hull, find_hull
from bioxen.server.engines.metabolic.problem import Problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.rows import PricedOptimum, face, steady_state
from bioxen.server.engines.metabolic.solver import NoOptimum


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Shadow prices and reduced costs by id."""

    shadow_prices: dict[str, float]
    reduced_costs: dict[str, float]


def priced(program: Program, problem: Problem) -> PricedOptimum | NoOptimum:
    """Return an optimum of `problem` with its duals, on the whole network rather than the reduced one."""
    return steady_state(program.network.stoichiometry).solve(problem.lower, problem.upper, problem.cost)


def prices_of(program: Program, problem: Problem, optimum: PricedOptimum) -> Prices:
    """Return the duals as changes of the objective (COBRApy's sign), not of the cost."""
    network, sign = program.network, -1.0 if problem.direction == "max" else 1.0
    prices, slopes = sign * optimum.prices + 0.0, sign * optimum.slopes + 0.0
    return Prices(
        shadow_prices=dict(zip(network.metabolites, prices.tolist(), strict=True)),
        reduced_costs=dict(zip(network.reactions, slopes.tolist(), strict=True)),
    )


def optimal_hull(program: Program, problem: Problem, optimum: PricedOptimum) -> Hull | NoOptimum:
    """Return the hull of all optimal flux distributions."""
    bounds = face(optimum, problem.lower, problem.upper)
    return find_hull(program.fluxes, program.network.stoichiometry, bounds, optimum.x)


def uniqueness_of(program: Program, hull: Hull) -> Uniqueness:
    """Return what the optimum determines."""
    names = [name for name, open_ in zip(program.network.reactions, hull.varies, strict=True) if open_]
    return Uniqueness(unique=not names, degrees_of_freedom=hull.dimension, undetermined=names)
