"""Single deletions: the best objective without each gene, or without each reaction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bioxen.protocol.metabolic import Certificate, Deletion, GeneDeletionRequest, ReactionDeletionRequest
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_genes, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum, Optimum, Outcome, worst
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
    study = _Study(program, problem, best)
    rows = [study.row(name, reactions) for name, reactions in zip(names, blocked, strict=True)]
    objective = problem.objective_value(best.value)
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {len(rows)} deletions; without any, the objective is {objective:.6g}.",
        optimal_objective=objective,
        deletions=rows,
        certificate=worst(study.certificates),
    )


class _Study:
    """Solves each distinct set of stopped reactions once.

    Where none of them carries flux in the optimum, that optimum stays possible and stays the best.
    """

    def __init__(self, program: Program, problem: Problem, best: Optimum) -> None:
        self.program, self.problem, self.best = program, problem, best
        self.certificates: list[Certificate] = [best.certificate]
        self._known: dict[tuple[int, ...], Outcome] = {}

    def row(self, name: str, reactions: tuple[int, ...]) -> Deletion:
        """Return the row of one deletion."""
        outcome = self._outcome(reactions)
        if isinstance(outcome, NoOptimum):
            return Deletion(ids=[name], growth=None, status=outcome.status)
        return Deletion(ids=[name], growth=self.problem.objective_value(outcome.value), status="optimal")

    def _outcome(self, reactions: tuple[int, ...]) -> Outcome:
        if not np.any(self.best.x[list(reactions)]):
            return self.best
        if reactions not in self._known:
            self._known[reactions] = self._solve(reactions)
        return self._known[reactions]

    def _solve(self, reactions: tuple[int, ...]) -> Outcome:
        outcome = self.program.fluxes.solve(*self.problem.without(reactions), self.problem.cost)
        if isinstance(outcome, Optimum):
            self.certificates.append(outcome.certificate)
        return outcome
