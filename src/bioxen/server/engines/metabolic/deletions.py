"""Single deletions: the best objective without each gene, or without each reaction."""

from __future__ import annotations

from collections.abc import Sequence

from bioxen.protocol.metabolic import Deletion, GeneDeletionRequest, ReactionDeletionRequest
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.knockouts import OPTIMAL, STATUS, Blocked, Knockouts
from bioxen.server.engines.metabolic.problem import Problem, build_problem, find_genes, find_reactions
from bioxen.server.engines.metabolic.program import Program
from bioxen.server.engines.metabolic.solver import NoOptimum
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
    blocked: Sequence[Blocked],
) -> Findings:
    """Return one row for each name, whose deletion stops the reactions in `blocked`."""
    best = program.optimise(problem)
    if isinstance(best, NoOptimum):
        return unsolved(request, program, problem, best)
    knockouts = Knockouts(program, problem, best)
    left = knockouts.solve(blocked)
    rows = [
        Deletion(ids=[name], growth=growth if status == OPTIMAL else None, status=STATUS[status])
        for name, growth, status in zip(names, left.values.tolist(), left.status.tolist(), strict=True)
    ]
    return Findings(
        problem=problem,
        status="optimal",
        message=f"Optimal: {len(rows)} deletions; without any, the objective is {knockouts.objective:.6g}.",
        optimal_objective=knockouts.objective,
        deletions=rows,
        certificate=knockouts.certificate,
        settings=knockouts.settings,
    )
