"""The best objectives of the variants of a batch: those with one objective are solved in one go."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.metabolic import BatchRequest, Certificate, MetabolicStatus
from bioxen.server.engines.metabolic.families import solve_variants
from bioxen.server.engines.metabolic.kernel.batch import Changes
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem, build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import KERNEL, NoOptimum, Optimum
from bioxen.server.engines.metabolic.variants import problem_of

FEW = 3
"""Fewer variants with one objective are solved each from the start: going through their base is no gain."""


@dataclass(eq=False)
class Objectives:
    """One entry a variant."""

    values: Vector
    """NaN where there is none."""
    status: list[MetabolicStatus]
    certificates: list[Certificate] = field(default_factory=list)
    solvers: set[str] = field(default_factory=set)


def objectives(request: BatchRequest, program: Program) -> Objectives:
    """Return the best objective of each variant of `request`."""
    count = len(request.variants)
    found = Objectives(np.full(count, np.nan), ["optimal"] * count)
    groups: dict[str, list[int]] = {}
    for number, variant in enumerate(request.variants):
        groups.setdefault(f"{variant.objective!r} {variant.objective_direction}", []).append(number)
    base = build_problem(request, program.network)
    for members in groups.values():
        problems = [problem_of(request, number, program.network) for number in members]
        start = program.fluxes.solve(base.lower, base.upper, problems[0].cost)
        if len(members) < FEW or isinstance(start, NoOptimum) or start.solver != KERNEL:
            _solve_each(found, members, problems, program)
        else:
            _solve_together(found, members, problems, (base, start), program)
    return found


def _solve_each(found: Objectives, members: list[int], problems: list[Problem], program: Program) -> None:
    for number, problem in zip(members, problems, strict=True):
        outcome = program.optimise(problem)
        if isinstance(outcome, NoOptimum):
            found.status[number] = outcome.status
            continue
        found.values[number] = problem.objective_value(outcome.value)
        found.certificates.append(outcome.certificate)
        found.solvers.add(outcome.solver)


def _solve_together(
    found: Objectives,
    members: list[int],
    problems: list[Problem],
    base: tuple[Problem, Optimum],
    program: Program,
) -> None:
    """Solve those for which the base's optimum holds no longer; for the others it still is the best."""
    start, best = base
    changed = [_changed(start, problem) for problem in problems]
    stays = [_stays(base, problem, columns) for problem, columns in zip(problems, changed, strict=True)]
    rest = [place for place, holds in enumerate(stays) if not holds]
    found.values[members] = problems[0].objective_value(best.value)
    found.certificates.append(best.certificate)
    found.solvers.add(best.solver)
    changes = _changes([problems[place] for place in rest], [changed[place] for place in rest])
    study = solve_variants(program.fluxes, (start.lower, start.upper), problems[0].cost, changes)
    for place, cost, status in zip(rest, study.values.tolist(), study.status, strict=True):
        found.values[members[place]] = problems[0].objective_value(cost)
        found.status[members[place]] = status
    found.certificates.append(study.certificate)
    found.solvers |= study.solvers


def _changed(start: Problem, problem: Problem) -> NDArray[np.int64]:
    return np.flatnonzero((problem.lower != start.lower) | (problem.upper != start.upper)).astype(np.int64)


def _stays(base: tuple[Problem, Optimum], problem: Problem, columns: NDArray[np.int64]) -> bool:
    """Return whether the bounds only became narrower, and the optimum is between them still."""
    start, best = base
    lower, upper, x = problem.lower[columns], problem.upper[columns], best.x[columns]
    narrower = (lower >= start.lower[columns]) & (upper <= start.upper[columns])
    return bool((narrower & (lower <= x) & (x <= upper)).all())


def _changes(problems: list[Problem], columns: list[NDArray[np.int64]]) -> Changes:
    """Return the bounds of each problem in its own columns."""
    none = np.zeros(0)
    lower = [problem.lower[own] for problem, own in zip(problems, columns, strict=True)]
    upper = [problem.upper[own] for problem, own in zip(problems, columns, strict=True)]
    return Changes(
        starts=np.cumsum([0, *map(len, columns)]).astype(np.int64),
        columns=np.concatenate([none.astype(np.int64), *columns]),
        lower=np.concatenate([none, *lower]),
        upper=np.concatenate([none, *upper]),
    )
