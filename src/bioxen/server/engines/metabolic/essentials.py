"""Essential genes and reactions: single deletions with a verdict."""

from __future__ import annotations

from bioxen.errors import ValidationError
from bioxen.protocol.metabolic import (
    EssentialGenesRequest,
    Essentiality,
    EssentialReactionsRequest,
    GeneDeletionRequest,
    ReactionDeletionRequest,
)
from bioxen.server.engines.metabolic.deletions import gene_deletions, reaction_deletions
from bioxen.server.engines.metabolic.derived import as_request
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.program import Program


def essential_genes(request: EssentialGenesRequest, program: Program) -> Findings:
    """Return the genes without which too little of the objective is left."""
    study = gene_deletions(as_request(request, GeneDeletionRequest, genes=request.genes), program)
    return _judged(study, request.threshold, "genes")


def essential_reactions(request: EssentialReactionsRequest, program: Program) -> Findings:
    """Return the reactions without which too little of the objective is left."""
    study = reaction_deletions(
        as_request(request, ReactionDeletionRequest, reactions=request.reactions), program
    )
    return _judged(study, request.threshold, "reactions")


def _judged(study: Findings, threshold: float, kind: str) -> Findings:
    if study.problem.direction == "min":
        raise ValidationError(
            f"essential {kind} are those whose loss lowers the objective, so it must be maximised",
            details={"place": "objective_direction", "remedy": 'Leave it out or give "max".'},
        )
    if study.deletions is None or study.optimal_objective is None:
        return study
    limit = threshold * study.optimal_objective
    lethal = [
        row.ids[0]
        for row in study.deletions
        if row.status == "infeasible" or (row.growth is not None and row.growth < limit)
    ]
    undecided = [row.ids[0] for row in study.deletions if row.status not in ("optimal", "infeasible")]
    return study.but(
        message=f"Optimal: {len(lethal)} of {len(study.deletions)} {kind} are essential "
        f"(objective below {limit:.6g}).",
        essentiality=Essentiality(ids=lethal, threshold=threshold, limit=limit, undecided=undecided),
        settings={**study.settings, "threshold": threshold},
    )
