"""Production envelopes: the range of the objective over a grid of other fluxes, with COBRApy's yields."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from bioxen.protocol.metabolic import Certificate, Envelope, ProductionEnvelopeRequest
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.derived import fixed_at, flux_range, only_reaction
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.network import Network, Vector
from bioxen.server.engines.metabolic.problem import (
    Problem,
    build_problem,
    find_reactions,
    get_uptake,
)
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum
from bioxen.server.engines.metabolic.unsolved import unsolved

End = Literal["minimum", "maximum"]
NOTHING = 1e-9
"""A flux this small is none, so that no yield is the quotient of two rounding errors."""


def production_envelope(request: ProductionEnvelopeRequest, program: Program) -> Findings:
    """Return the range of the objective at each point of the grid."""
    network = program.network
    problem = build_problem(request, network)
    columns = find_reactions(request.reactions, network, "reactions")
    product = only_reaction(problem, program, "a production envelope")
    given = request.carbon_sources
    sources = None if given is None else find_reactions(given, network, "carbon_sources")
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    grid = _grid(program, problem, columns, request.points)
    if isinstance(grid, NoOptimum):
        return unsolved(request, program, problem, grid)
    sources = _carbon_sources(network, problem, best.x) if sources is None else sources
    scan = _Scan(program, problem, columns, _Yields(network, sources, product), [best.certificate])
    for number, point in enumerate(grid):
        progress.tell(number, len(grid), "points")
        if not scan.take(point):
            return unsolved(request, program, problem, NoOptimum("numeric"))
    objective = problem.objective_value(best.value)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {len(grid)} points, {scan.infeasible()} of them infeasible; "
        f"the best objective is {objective:.6g}.",
        optimal_objective=objective,
        envelope=scan.envelope(request.reactions, grid),
        certificate=worst(scan.certificates),
    )


def _grid(
    program: Program, problem: Problem, columns: list[int], points: int
) -> list[tuple[float, ...]] | NoOptimum:
    axes = []
    for column in columns:
        ends = flux_range(program, problem, column)
        if isinstance(ends, NoOptimum):
            return ends
        low, high = (0.0 if abs(end) < NOTHING else end for end in ends)
        axes.append((np.linspace(low, high, points) + 0.0).tolist())
    return list(itertools.product(*axes))


def _carbon_sources(network: Network, problem: Problem, fluxes: Vector) -> list[int]:
    """Return the exchanges that bring in carbon at the optimum."""
    open_ = [
        column
        for column in network.exchanges
        if get_uptake(column, network, problem.lower, problem.upper) > 0
    ]
    return [column for column in open_ if _carbon(network, column, fluxes[column]) > NOTHING]


def _carbon(network: Network, column: int, flux: float, *, produced: bool = False) -> float:
    """Return the carbon that `flux` takes in, or gives off where `produced`; as COBRApy sums it."""
    entries = slice(*network.stoichiometry.indptr[column : column + 2])
    rows, coefficients = network.stoichiometry.indices[entries], network.stoichiometry.data[entries]
    moved = coefficients * network.carbons[rows] * flux * (-1.0 if produced else 1.0)
    return float(moved[moved > 0].sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Yields:
    """Product per source, in carbon and in mass."""

    network: Network
    sources: list[int]
    product: int

    def carbon(self, fluxes: Vector) -> float | None:
        """Return the carbon in the product per carbon taken up."""
        taken = sum(_carbon(self.network, column, fluxes[column]) for column in self.sources)
        given = _carbon(self.network, self.product, fluxes[self.product], produced=True)
        return None if taken <= NOTHING else float(given / taken)

    def mass(self, fluxes: Vector) -> float | None:
        """Return gram of product per gram of source, where each is one metabolite of known formula."""
        moved = [self._mass(column) * fluxes[column] for column in self.sources]
        taken = sum(max(one, 0.0) if not math.isnan(one) else one for one in moved)
        given = max(-self._mass(self.product) * fluxes[self.product], 0.0)
        if math.isnan(taken) or math.isnan(self._mass(self.product)) or taken <= NOTHING:
            return None
        return float(given / taken)

    def _mass(self, column: int) -> float:
        entries = slice(*self.network.stoichiometry.indptr[column : column + 2])
        rows, coefficients = (
            self.network.stoichiometry.indices[entries],
            self.network.stoichiometry.data[entries],
        )
        return float(coefficients[0] * self.network.weights[rows[0]]) if len(rows) == 1 else math.nan


@dataclass(eq=False)
class _Scan:
    """What was found at the points so far."""

    program: Program
    problem: Problem
    columns: list[int]
    yields: _Yields
    certificates: list[Certificate]
    objective: dict[End, list[float | None]] = field(default_factory=lambda: {"minimum": [], "maximum": []})
    carbon: dict[End, list[float | None]] = field(default_factory=lambda: {"minimum": [], "maximum": []})
    mass: dict[End, list[float | None]] = field(default_factory=lambda: {"minimum": [], "maximum": []})

    def take(self, point: tuple[float, ...]) -> bool:
        """Solve for both ends at `point`; false where one could not be proven."""
        bounds = fixed_at(self.problem, self.columns, point)
        ends: tuple[tuple[End, float], ...] = (("minimum", 1.0), ("maximum", -1.0))
        for end, sign in ends:
            found = self.program.fluxes.solve(*bounds, sign * self.problem.objective)
            if isinstance(found, Optimum):
                self.certificates.append(found.certificate)
                self._note(end, sign * found.value + 0.0, found.x)
            elif found.status == "numeric":
                return False
            else:
                self._note(end, None, None)
        return True

    def infeasible(self) -> int:
        """Return at how many points there is no solution."""
        return self.objective["maximum"].count(None)

    def envelope(self, names: list[str], grid: list[tuple[float, ...]]) -> Envelope:
        """Return the columns."""
        return Envelope(
            carbon_sources=[self.program.network.reactions[column] for column in self.yields.sources],
            fluxes={name: [point[axis] for point in grid] for axis, name in enumerate(names)},
            flux_minimum=self.objective["minimum"],
            flux_maximum=self.objective["maximum"],
            carbon_yield_minimum=self.carbon["minimum"],
            carbon_yield_maximum=self.carbon["maximum"],
            mass_yield_minimum=self.mass["minimum"],
            mass_yield_maximum=self.mass["maximum"],
        )

    def _note(self, end: End, objective: float | None, fluxes: Vector | None) -> None:
        self.objective[end].append(objective)
        self.carbon[end].append(None if fluxes is None else self.yields.carbon(fluxes))
        self.mass[end].append(None if fluxes is None else self.yields.mass(fluxes))
