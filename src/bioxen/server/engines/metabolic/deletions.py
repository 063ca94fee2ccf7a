"""Single deletions: the best objective without each gene, or without each reaction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bioxen.protocol.metabolic import Deletion, GeneDeletionRequest, ReactionDeletionRequest
from bioxen.server.engines.metabolic.findings import Findings, solved_by
from bioxen.server.engines.metabolic.kernel.batch import stopped
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_genes, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum, Study, worst
from bioxen.server.engines.metabolic.unsolved import unsolved


def gene_deletions(request: GeneDeletionRequest, program: Program) -> Findings:
    """Return the best objective without each gene."""
    network = program.network
    problem = build_problem(request, network)
    names = list(network.genes) if request.genes is None else request.genes
    genes = find_genes(names, network, "genes")
    blocked = [network.rules.blocked_by(problem.missing_genes | {gene}) for gene in genes]
    return _deletions(request, program, problem, names, blocked)


def reaction_deletions(request: ReactionDeletionRequest, program: Program) -> Findings:
    """Return the best objective without each reaction."""
    network = program.network
    problem = build_problem(request, network)
    names = list(network.reactions) if request.reactions is None else request.reactions
    blocked = [(column,) for column in find_reactions(names, network, "reactions")]
    return _deletions(request, program, problem, names, blocked)


def _deletions(
    request: GeneDeletionRequest | ReactionDeletionRequest,
    program: Program,
    problem: Problem,
    names: Sequence[str],
    blocked: Sequence[tuple[int, ...]],
) -> Findings:
    """Return one row for each name, whose deletion stops the reactions in `blocked`."""
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    known, study = _solve_distinct(program, problem, best, blocked)
    rows = []
    for name, reactions in zip(names, blocked, strict=True):
        number = known.get(reactions)
        if number is None:
            growth = problem.objective_value(best.value)
            rows.append(Deletion(ids=[name], growth=growth, status="optimal"))
        elif study.status[number] == "optimal":
            growth = problem.objective_value(float(study.values[number]))
            rows.append(Deletion(ids=[name], growth=growth, status="optimal"))
        else:
            rows.append(Deletion(ids=[name], growth=None, status=study.status[number]))
    objective = problem.objective_value(best.value)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {len(rows)} deletions; without any, the objective is {objective:.6g}.",
        optimal_objective=objective,
        deletions=rows,
        certificate=worst([best.certificate, study.certificate]),
        settings=solved_by(best, study),
    )


def _solve_distinct(
    program: Program, problem: Problem, best: Optimum, blocked: Sequence[tuple[int, ...]]
) -> tuple[dict[tuple[int, ...], int], Study]:
    """Return the number of each distinct set of stopped reactions in the study of them all.

    Where none of them carries flux in the optimum, that optimum stays possible and stays the best.
    """
    matter = [reactions for reactions in blocked if np.any(best.x[list(reactions)])]
    known = {reactions: number for number, reactions in enumerate(dict.fromkeys(matter))}
    bounds = problem.lower, problem.upper
    return known, program.fluxes.study(bounds, problem.cost, stopped(list(known)))
