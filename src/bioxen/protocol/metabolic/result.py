"""The answer of the metabolic service: what an analysis found, and where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bioxen.protocol.answered import Answered
from bioxen.protocol.base import MappingMessage
from bioxen.protocol.metabolic.batch import BatchColumns
from bioxen.protocol.metabolic.outcome import Outcome
from bioxen.protocol.provenance import Provenance
from bioxen.protocol.rows import frame_of

if TYPE_CHECKING:
    import pandas as pd


class MetabolicResult(MappingMessage, Outcome, Answered):
    """What the metabolic service answers. No number is given for a problem that has no solution."""

    computation_type: Literal["static_metabolic"] = "static_metabolic"
    computation_service: Literal["centralized_cobrapy"] = "centralized_cobrapy"
    execution_result: Literal["computed_state"] = "computed_state"
    process_code: str
    """The code as it was asked."""
    objective: dict[str, float]
    """The objective that was used: reaction id → coefficient."""
    objective_direction: Literal["max", "min"]
    batch: BatchColumns | None = None
    """The variants of a batch, in columns; the fields above are those of the problem without a variant."""
    model_key: str
    """Digest of the model that was used: the key of its warm copy in the workers."""
    provenance: Provenance

    def to_frame(self) -> pd.DataFrame:
        """Return the main numbers as a pandas DataFrame, with COBRApy's column names.

        Raises:
            MissingModuleError: pandas is not installed.
            ValidationError: the result has no numbers (a problem without a solution, say).
        """
        return frame_of(self)
