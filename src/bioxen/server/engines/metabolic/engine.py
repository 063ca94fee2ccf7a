"""The front of the metabolic engine: which request goes to which analysis, and whose result it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np
from pydantic import BaseModel

from bioxen._version import VERSION
from bioxen.errors import UnknownProcessError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.metabolic import (
    BatchRequest,
    BlockedReactionsRequest,
    DoubleGeneDeletionRequest,
    DoubleReactionDeletionRequest,
    DynamicFbaRequest,
    EssentialGenesRequest,
    EssentialReactionsRequest,
    FbaRequest,
    FluxRequest,
    FvaRequest,
    GapFillingRequest,
    GeneDeletionRequest,
    LexicographicFbaRequest,
    LinearMomaRequest,
    LooplessFbaRequest,
    LooplessFvaRequest,
    MetabolicRequest,
    MetabolicResult,
    MinimalMediumRequest,
    MomaRequest,
    PfbaRequest,
    PhasePlaneRequest,
    ProductionEnvelopeRequest,
    ReactionDeletionRequest,
    RobustnessRequest,
    RoomRequest,
    SamplingRequest,
)
from bioxen.protocol.provenance import Provenance, Setting
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.metabolic import billiard
from bioxen.server.engines.metabolic.adjustment import linear_moma, moma
from bioxen.server.engines.metabolic.batch import batch
from bioxen.server.engines.metabolic.blocked import blocked_reactions
from bioxen.server.engines.metabolic.deletions import gene_deletions, reaction_deletions
from bioxen.server.engines.metabolic.dfba import dfba
from bioxen.server.engines.metabolic.double import double_gene_deletions, double_reaction_deletions
from bioxen.server.engines.metabolic.envelope import production_envelope
from bioxen.server.engines.metabolic.essentials import essential_genes, essential_reactions
from bioxen.server.engines.metabolic.fba import fba
from bioxen.server.engines.metabolic.findings import Findings
from bioxen.server.engines.metabolic.fva import fva
from bioxen.server.engines.metabolic.highs import HIGHS_VERSION, TOLERANCE
from bioxen.server.engines.metabolic.kernel.warm import warm_up
from bioxen.server.engines.metabolic.lexicographic import lexicographic_fba
from bioxen.server.engines.metabolic.loopless import loopless_fba, loopless_fva
from bioxen.server.engines.metabolic.medium import minimal_medium
from bioxen.server.engines.metabolic.pfba import pfba
from bioxen.server.engines.metabolic.problem import find_reactions
from bioxen.server.engines.metabolic.program import Program, compile_program
from bioxen.server.engines.metabolic.room import room
from bioxen.server.engines.metabolic.sampling import sample
from bioxen.server.engines.metabolic.scans import phase_plane, robustness
from bioxen.server.engines.metabolic.solver import HIGHS
from bioxen.server.engines.metabolic.versions import COBRA_VERSION, NUMBA_VERSION
from bioxen.server.engines.signing import blank


def _gap_filling(request: GapFillingRequest, program: Program) -> Findings:
    from bioxen.server.engines.metabolic.gapfilling import gap_filling  # COBRApy comes with it

    return gap_filling(request, program)


ANALYSES: dict[type[MetabolicRequest], Callable[[Any, Program], Findings]] = {
    FbaRequest: fba,
    PfbaRequest: pfba,
    FvaRequest: fva,
    GeneDeletionRequest: gene_deletions,
    LooplessFbaRequest: loopless_fba,
    LooplessFvaRequest: loopless_fva,
    LexicographicFbaRequest: lexicographic_fba,
    ReactionDeletionRequest: reaction_deletions,
    DoubleGeneDeletionRequest: double_gene_deletions,
    DoubleReactionDeletionRequest: double_reaction_deletions,
    EssentialGenesRequest: essential_genes,
    EssentialReactionsRequest: essential_reactions,
    MomaRequest: moma,
    LinearMomaRequest: linear_moma,
    RoomRequest: room,
    ProductionEnvelopeRequest: production_envelope,
    PhasePlaneRequest: phase_plane,
    RobustnessRequest: robustness,
    MinimalMediumRequest: minimal_medium,
    BlockedReactionsRequest: blocked_reactions,
    SamplingRequest: sample,
    GapFillingRequest: _gap_filling,
    DynamicFbaRequest: dfba,
    BatchRequest: lambda request, program: batch(request, program, ANALYSES),
}
"""Request → the analysis that answers it. A new analysis is one file and one line here."""

_REQUESTS: dict[str, type[MetabolicRequest]] = {
    code: request
    for request in ANALYSES
    for code in get_args(request.model_fields["process_code"].annotation)
}
_BLANK = blank(MetabolicResult)
_VERSION = f"cobra {COBRA_VERSION}, HiGHS {HIGHS_VERSION}, numba {NUMBA_VERSION}"
_SETTINGS: dict[str, Setting] = {
    "solver": HIGHS,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
    "presolve": "off",
}


class MetabolicEngine:
    """Constraint-based analyses of genome-scale models."""

    name = "metabolic"

    @staticmethod
    def warm_up() -> None:
        """Have the kernel's machine code at hand for every process forked from here."""
        warm_up()
        billiard.warm_up()

    def version(self) -> str:
        """Return the versions of COBRApy, HiGHS and numba."""
        return _VERSION

    def process_codes(self) -> tuple[str, ...]:
        """Return every process code the engine computes, aliases included."""
        return tuple(_REQUESTS)

    def parse(self, payload: Mapping[str, Any]) -> MetabolicRequest:
        """Return the typed request that `payload` stands for; FBA where it names no process."""
        code = payload.get("process_code", "metabolic_fba")
        request_type = _REQUESTS.get(code) if isinstance(code, str) else FbaRequest
        if request_type is None:
            raise UnknownProcessError(
                f"the metabolic engine has no process {code!r}",
                details={"place": "process_code", **did_you_mean(code, _REQUESTS)},
            )
        return parse(request_type, payload)

    def compile(self, source: ModelSource) -> Program:
        """Return the program that `source` compiles to."""
        return compile_program(source)

    def run(self, request: BaseModel, program: Program) -> MetabolicResult:
        """Return the result of `request` on `program`."""
        if not isinstance(request, MetabolicRequest):
            raise UnknownProcessError(f"{type(request).__name__} is no metabolic request")
        if isinstance(request, FluxRequest) and request.reactions is not None:  # a mistake in any case
            find_reactions(request.reactions, program.network, "reactions")
        return _signed(request, program, ANALYSES[type(request)](request, program))


def _signed(request: MetabolicRequest, program: Program, found: Findings) -> MetabolicResult:
    """Return the findings as a result that says what computed it, from what, and how.

    Every field was checked when it was made, so nothing is checked again.
    """
    network, problem = program.network, found.problem
    provenance = Provenance(
        model_id=program.model_id,
        model_digest=program.digest,
        engine=MetabolicEngine.name,
        engine_version=_VERSION,
        bioxen_version=VERSION,
        settings={**_SETTINGS, **found.settings},
    )
    return _BLANK.model_copy(
        update={
            **found.outcome(),
            "vm_id": request.vm_id,
            "process_code": getattr(request, "process_code"),  # noqa: B009 - each kind of request declares its own
            "objective": {
                network.reactions[column]: float(problem.objective[column])
                for column in np.flatnonzero(problem.objective)
            },
            "objective_direction": problem.direction,
            "batch": found.batch,
            "model_key": program.digest,
            "provenance": provenance,
        }
    )
