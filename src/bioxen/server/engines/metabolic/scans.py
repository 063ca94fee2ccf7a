"""Robustness and phenotype phase planes: the best objective as one or two fluxes are fixed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bioxen.protocol.metabolic import (
    Certificate,
    PhasePlane,
    PhasePlaneRequest,
    Robustness,
    RobustnessRequest,
)
from bioxen.server.engines import progress
from bioxen.server.engines.metabolic.derived import fixed_at, flux_range
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_reaction, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.proof import worst
from bioxen.server.engines.metabolic.rows import PricedOptimum, RowProgram, steady_state
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum
from bioxen.server.engines.metabolic.unsolved import unsolved

DIGITS = 6
"""Slopes that agree in so many digits after the point belong to one phase."""


def robustness(request: RobustnessRequest, program: Program) -> Findings:
    """Return the best objective at each flux of one reaction."""
    network = program.network
    problem = build_problem(request, network)
    column = find_reaction(request.reaction, network, "reaction")
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    ends = _ends(request, program, problem, column)
    if isinstance(ends, NoOptimum):
        return unsolved(request, program, problem, ends)
    fluxes = (np.linspace(*ends, request.points) + 0.0).tolist()
    certificates, values = [best.certificate], []
    for number, flux in enumerate(fluxes):
        progress.tell(number, len(fluxes), "points")
        found = program.fluxes.solve(*fixed_at(problem, [column], (flux,)), problem.cost)
        if isinstance(found, Optimum):
            certificates.append(found.certificate)
        elif found.status == "numeric":
            return unsolved(request, program, problem, found)
        values.append(problem.objective_value(found.value) if isinstance(found, Optimum) else None)
    objective = problem.objective_value(best.value)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {len(fluxes)} fluxes of {request.reaction}; the best is {objective:.6g}.",
        optimal_objective=objective,
        robustness=Robustness(reaction=request.reaction, fluxes=fluxes, objective=values),
        certificate=worst(certificates),
    )


def _ends(
    request: RobustnessRequest, program: Program, problem: Problem, column: int
) -> tuple[float, float] | NoOptimum:
    low, high = request.range or (None, None)
    if low is not None and high is not None:
        return low, high
    attainable = flux_range(program, problem, column)
    if isinstance(attainable, NoOptimum):
        return attainable
    return (attainable[0] if low is None else low), (attainable[1] if high is None else high)


def phase_plane(request: PhasePlaneRequest, program: Program) -> Findings:
    """Return the best objective over the plane of two fluxes, and its phases."""
    network = program.network
    problem = build_problem(request, network)
    columns = find_reactions(request.reactions, network, "reactions")
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    axes = []
    for column in columns:
        ends = flux_range(program, problem, column)
        if isinstance(ends, NoOptimum):
            return unsolved(request, program, problem, ends)
        axes.append((np.linspace(*ends, request.points) + 0.0).tolist())
    plane = _Plane(steady_state(network.stoichiometry), problem, columns, [best.certificate])
    for number, x in enumerate(axes[0]):
        progress.tell(number, len(axes[0]), "rows")
        if not plane.take_row(x, axes[1]):
            return unsolved(request, program, problem, NoOptimum("numeric"))
    objective = problem.objective_value(best.value)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {len(plane.phases)} phases on {request.points}×{request.points} points; "
        f"the best objective is {objective:.6g}.",
        optimal_objective=objective,
        phase_plane=plane.part(request.reactions, axes),
        certificate=worst(plane.certificates),
    )


@dataclass(eq=False)
class _Plane:
    """What was found on the plane so far, row by row."""

    rows: RowProgram
    problem: Problem
    columns: list[int]
    certificates: list[Certificate]
    objective: list[list[float | None]] = field(default_factory=list)
    slopes: tuple[list[list[float | None]], list[list[float | None]]] = field(
        default_factory=lambda: ([], [])
    )
    phase: list[list[int | None]] = field(default_factory=list)
    phases: dict[tuple[float, float], int] = field(default_factory=dict)

    def take_row(self, x: float, y_fluxes: list[float]) -> bool:
        """Solve along one row; false where a point could not be proven."""
        for table in (self.objective, *self.slopes, self.phase):
            table.append([])
        return all(self._take(x, y) for y in y_fluxes)

    def part(self, names: list[str], axes: list[list[float]]) -> PhasePlane:
        """Return the plane."""
        return PhasePlane(
            x=names[0],
            y=names[1],
            x_fluxes=axes[0],
            y_fluxes=axes[1],
            objective=self.objective,
            slope_x=self.slopes[0],
            slope_y=self.slopes[1],
            phase=self.phase,
        )

    def _take(self, x: float, y: float) -> bool:
        bounds = fixed_at(self.problem, self.columns, (x, y))
        found = self.rows.solve(*bounds, self.problem.cost)
        if isinstance(found, PricedOptimum):
            self.certificates.append(found.certificate)
            slope_x, slope_y = (self.problem.objective_value(found.slopes[one]) for one in self.columns)
            key = (round(slope_x, DIGITS) + 0.0, round(slope_y, DIGITS) + 0.0)
            number = self.phases.setdefault(key, len(self.phases))
            self._note(self.problem.objective_value(found.value), slope_x, slope_y, number)
        elif found.status == "numeric":
            return False
        else:
            self._note(None, None, None, None)
        return True

    def _note(
        self, objective: float | None, slope_x: float | None, slope_y: float | None, phase: int | None
    ) -> None:
        self.objective[-1].append(objective)
        self.slopes[0][-1].append(slope_x)
        self.slopes[1][-1].append(slope_y)
        self.phase[-1].append(phase)
