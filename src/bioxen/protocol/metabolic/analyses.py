"""Every metabolic request but a batch, which is made of them."""

from __future__ import annotations

from bioxen.protocol.metabolic.adjustment import LinearMomaRequest, MomaRequest, RoomRequest
from bioxen.protocol.metabolic.deletions import (
    DoubleGeneDeletionRequest,
    DoubleReactionDeletionRequest,
    EssentialGenesRequest,
    EssentialReactionsRequest,
    GeneDeletionRequest,
    ReactionDeletionRequest,
)
from bioxen.protocol.metabolic.dynamic import DynamicFbaRequest
from bioxen.protocol.metabolic.flux import (
    FbaRequest,
    FvaRequest,
    LexicographicFbaRequest,
    LooplessFbaRequest,
    LooplessFvaRequest,
    PfbaRequest,
)
from bioxen.protocol.metabolic.medium import MinimalMediumRequest
from bioxen.protocol.metabolic.sampling import SamplingRequest
from bioxen.protocol.metabolic.scans import PhasePlaneRequest, ProductionEnvelopeRequest, RobustnessRequest
from bioxen.protocol.metabolic.structure import BlockedReactionsRequest, GapFillingRequest

Analysis = (
    FbaRequest
    | PfbaRequest
    | FvaRequest
    | LooplessFbaRequest
    | LooplessFvaRequest
    | LexicographicFbaRequest
    | GeneDeletionRequest
    | ReactionDeletionRequest
    | DoubleGeneDeletionRequest
    | DoubleReactionDeletionRequest
    | EssentialGenesRequest
    | EssentialReactionsRequest
    | MomaRequest
    | LinearMomaRequest
    | RoomRequest
    | ProductionEnvelopeRequest
    | PhasePlaneRequest
    | RobustnessRequest
    | MinimalMediumRequest
    | BlockedReactionsRequest
    | SamplingRequest
    | GapFillingRequest
    | DynamicFbaRequest
)
"""Any metabolic request about one problem."""
