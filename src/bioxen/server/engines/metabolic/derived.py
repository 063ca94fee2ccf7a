"""One request out of another, and what several analyses ask of a problem."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import MetabolicRequest
from bioxen.server.engines.metabolic.network import Vector
from bioxen.server.engines.metabolic.problem import Problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum

R = TypeVar("R", bound=MetabolicRequest)


def as_request(request: MetabolicRequest, kind: type[R], **more: Any) -> R:
    """Return a request of another `kind` about the same model with the same changes."""
    shared = {name: getattr(request, name) for name in MetabolicRequest.model_fields}
    return kind(**{**shared, **more})


def flux_range(program: Program, problem: Problem, column: int) -> tuple[float, float] | NoOptimum:
    """Return the least and greatest flux of `column` between the problem's bounds."""
    ends = []
    for sign in (1.0, -1.0):
        cost: Vector = np.zeros(len(problem.lower))
        cost[column] = sign
        found = program.fluxes.solve(problem.lower, problem.upper, cost)
        if isinstance(found, NoOptimum):
            return found
        ends.append(sign * found.value + 0.0)
    return ends[0], max(ends)


def fixed_at(problem: Problem, columns: list[int], values: tuple[float, ...]) -> tuple[Vector, Vector]:
    """Return the problem's bounds with these fluxes fixed."""
    lower, upper = problem.lower.copy(), problem.upper.copy()
    lower[columns] = upper[columns] = values
    return lower, upper


def only_reaction(problem: Problem, program: Program, wanted_by: str) -> int:
    """Return the column of the objective's one reaction.

    Raises:
        ValidationError: the objective has several.
    """
    terms = np.flatnonzero(problem.objective)
    if len(terms) != 1:
        names = ", ".join(program.network.reactions[column] for column in terms[:3])
        raise ValidationError(
            f"{wanted_by} needs an objective of one reaction, and this one has {len(terms)}: {names}",
            details={"place": "objective", "remedy": "Name one reaction."},
        )
    return int(terms[0])
