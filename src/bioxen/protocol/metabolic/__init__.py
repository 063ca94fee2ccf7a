"""Messages of the static metabolic service: constraint-based analyses in COBRApy's terms.

Fluxes are in mmol/gDW/h, growth rates in 1/h. A request changes a model for itself alone.

request                          what every request has, and the certificate
flux, deletions, adjustment,
scans, medium, structure,
sampling, dynamic, batch         the requests of one family and the parts they add to the result
analyses                         every request that is not a batch of others
outcome, result                  what an analysis found; the result
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bioxen.protocol.metabolic.adjustment import (
    Adjustment,
    AdjustmentRequest,
    LinearMomaRequest,
    MomaRequest,
    RoomRequest,
)
from bioxen.protocol.metabolic.analyses import Analysis
from bioxen.protocol.metabolic.batch import BatchColumns, BatchRequest, Variant
from bioxen.protocol.metabolic.deletions import (
    Deletion,
    DeletionMatrix,
    DeletionPairs,
    DoubleDeletionRequest,
    DoubleGeneDeletionRequest,
    DoubleReactionDeletionRequest,
    EssentialGenesRequest,
    Essentiality,
    EssentialReactionsRequest,
    GeneDeletionRequest,
    Part,
    ReactionDeletionRequest,
)
from bioxen.protocol.metabolic.dynamic import (
    DynamicFba,
    DynamicFbaRequest,
)
from bioxen.protocol.metabolic.flux import (
    FbaRequest,
    FluxRange,
    FluxRequest,
    FvaRequest,
    LexicographicFbaRequest,
    LooplessFbaRequest,
    LooplessFvaRequest,
    PfbaRequest,
    Uniqueness,
)
from bioxen.protocol.metabolic.medium import (
    Medium,
    MinimalMediumRequest,
)
from bioxen.protocol.metabolic.outcome import Outcome
from bioxen.protocol.metabolic.request import (
    Certificate,
    MetabolicRequest,
    MetabolicStatus,
)
from bioxen.protocol.metabolic.result import (
    MetabolicResult,
)
from bioxen.protocol.metabolic.sampling import (
    FluxDistribution,
    FluxSamples,
    SamplingRequest,
)
from bioxen.protocol.metabolic.scans import (
    Envelope,
    PhasePlane,
    PhasePlaneRequest,
    ProductionEnvelopeRequest,
    Robustness,
    RobustnessRequest,
)
from bioxen.protocol.metabolic.structure import (
    BlockedReactionsRequest,
    GapFill,
    GapFillingRequest,
)

AnyMetabolicRequest = Annotated[Analysis | BatchRequest, Field(discriminator="process_code")]
"""Any metabolic request; `process_code` tells which."""

__all__ = [
    "Adjustment",
    "AdjustmentRequest",
    "Analysis",
    "AnyMetabolicRequest",
    "BatchColumns",
    "BatchRequest",
    "BlockedReactionsRequest",
    "Certificate",
    "Deletion",
    "DeletionMatrix",
    "DeletionPairs",
    "DoubleDeletionRequest",
    "DoubleGeneDeletionRequest",
    "DoubleReactionDeletionRequest",
    "DynamicFba",
    "DynamicFbaRequest",
    "Envelope",
    "EssentialGenesRequest",
    "EssentialReactionsRequest",
    "Essentiality",
    "FbaRequest",
    "FluxDistribution",
    "FluxRange",
    "FluxRequest",
    "FluxSamples",
    "FvaRequest",
    "GapFill",
    "GapFillingRequest",
    "GeneDeletionRequest",
    "LexicographicFbaRequest",
    "LinearMomaRequest",
    "LooplessFbaRequest",
    "LooplessFvaRequest",
    "Medium",
    "MetabolicRequest",
    "MetabolicResult",
    "MetabolicStatus",
    "MinimalMediumRequest",
    "MomaRequest",
    "Outcome",
    "Part",
    "PfbaRequest",
    "PhasePlane",
    "PhasePlaneRequest",
    "ProductionEnvelopeRequest",
    "ReactionDeletionRequest",
    "Robustness",
    "RobustnessRequest",
    "RoomRequest",
    "SamplingRequest",
    "Uniqueness",
    "Variant",
]
