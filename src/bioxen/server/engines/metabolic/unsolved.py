"""What to say where there is no optimum: the reason in words, and what to try."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bioxen.protocol.metabolic import MetabolicRequest
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.problem import Problem, build_problem
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum

MAX_TRIALS = 16
"""How many conditions of a request, and forced fluxes of a model, are tried as the cause."""


def unsolved(request: MetabolicRequest, program: Program, problem: Problem, outcome: NoOptimum) -> Findings:
    """Return the findings for a problem without an optimum; they carry no numbers."""
    if outcome.status == "infeasible":
        message = (
            f"Infeasible: no fluxes fulfil all bounds at steady state. {_remedy(request, program, problem)}"
        )
    elif outcome.status == "unbounded":
        message = (
            "Unbounded: the objective can grow without limit. "
            "Give finite bounds to the exchanges or to the reactions of the objective."
        )
    else:
        message = (
            "Numeric: the solver found no answer that it can prove. "
            "Look for very large or very small bounds and coefficients."
        )
    return Findings(problem=problem, status=outcome.status, message=message)


def _remedy(request: MetabolicRequest, program: Program, problem: Problem) -> str:
    """Say which single condition, when dropped, makes the problem feasible again."""
    causes = [place for place, less in _with_one_less(request) if _is_feasible(less, program)]
    forced = _forced(request, program, problem)
    if causes and forced:
        return f"Feasible again without {' or '.join(causes)}, or without {_either(forced)}."
    if causes:
        return f"Feasible again without {' or '.join(causes)}."
    if forced:
        return f"Feasible again without {_either(forced)}: allow more uptake, or lower that demand."
    return "Several conditions contradict each other: loosen the medium, the constraints or the knock-outs."


def _either(forced: list[str]) -> str:
    return f"the forced flux of {' or '.join(forced)}"


def _with_one_less(request: MetabolicRequest) -> Iterator[tuple[str, MetabolicRequest]]:
    """Give the request without each of its conditions in turn."""
    if request.medium is not None:
        yield "the medium", request.model_copy(update={"medium": None})
    for name in list(request.constraints)[:MAX_TRIALS]:
        rest = {key: value for key, value in request.constraints.items() if key != name}
        yield f"constraints.{name}", request.model_copy(update={"constraints": rest})
    for field in ("gene_knockouts", "reaction_knockouts"):
        names = getattr(request, field)
        for name in names[:MAX_TRIALS]:
            rest_names = [other for other in names if other != name]
            yield f"the knock-out of {name}", request.model_copy(update={field: rest_names})


def _is_feasible(request: MetabolicRequest, program: Program) -> bool:
    problem = build_problem(request, program.network)
    return program.fluxes.feasible(problem.lower, problem.upper)


def _forced(request: MetabolicRequest, program: Program, problem: Problem) -> list[str]:
    """Return the reactions whose forced flux, such as maintenance, is what cannot be met.

    Those that the request itself forces are among its constraints already.
    """
    found = []
    for column in np.flatnonzero((problem.lower > 0) | (problem.upper < 0))[:MAX_TRIALS]:
        lower, upper = problem.lower.copy(), problem.upper.copy()
        lower[column], upper[column] = min(lower[column], 0.0), max(upper[column], 0.0)
        name = program.network.reactions[column]
        if name not in request.constraints and program.fluxes.feasible(lower, upper):
            found.append(f"{name} (in [{problem.lower[column]:g}, {problem.upper[column]:g}])")
    return found
