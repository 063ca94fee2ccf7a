"""The answer of the metabolic service: what an analysis found, and what computed it from what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bioxen.protocol.base import MappingMessage
from bioxen.protocol.metabolic.adjustment import Adjustment
from bioxen.protocol.metabolic.batch import BatchColumns
from bioxen.protocol.metabolic.deletions import Deletion, DeletionMatrix, Essentiality
from bioxen.protocol.metabolic.dynamic import DynamicFba
from bioxen.protocol.metabolic.flux import FluxRange, Uniqueness
from bioxen.protocol.metabolic.medium import Medium
from bioxen.protocol.metabolic.request import Certificate, MetabolicStatus
from bioxen.protocol.metabolic.sampling import FluxSamples
from bioxen.protocol.metabolic.scans import Envelope, PhasePlane, Robustness
from bioxen.protocol.metabolic.structure import GapFill
from bioxen.protocol.provenance import Provenance
from bioxen.protocol.rows import frame_of
from bioxen.protocol.units import Flux

if TYPE_CHECKING:
    import pandas as pd


class MetabolicOutcome(MappingMessage):
    """What an analysis finds: how it ended, and one part for each kind of analysis."""

    status: MetabolicStatus
    """`numeric` means that the solver found no answer that it can prove."""
    message: str
    """One sentence on the outcome; for anything but `optimal` it says what to try."""
    optimal_objective: float | None = Field(json_schema_extra={"x-unit": "objective unit"})
    """The objective's value, 1/h for a biomass objective; null unless `status` is optimal."""
    flux_state: dict[str, Flux] | None = None
    """Reaction id → flux; null unless `status` is optimal, and the analysis gives and reports fluxes."""
    flux_ranges: dict[str, FluxRange] | None = None
    """Flux variability: reaction id → range."""
    deletions: list[Deletion] | None = None
    """Deletion studies: one row a deletion."""
    deletion_matrix: DeletionMatrix | None = None
    """Double deletion studies of many pairs."""
    essentiality: Essentiality | None = None
    """Essential genes or reactions."""
    shadow_prices: dict[str, float] | None = None
    """Metabolite id → change of the objective with its balance, S·v = b (COBRApy's sign)."""
    reduced_costs: dict[str, float] | None = None
    """Reaction id → change of the objective with the bound its flux stands at; COBRApy reports twice that."""
    uniqueness: Uniqueness | None = None
    """Which fluxes the optimum leaves open, where it was asked for."""
    adjustment: Adjustment | None = None
    """MOMA and ROOM: the distance from the reference."""
    envelope: Envelope | None = None
    """Production envelope."""
    phase_plane: PhasePlane | None = None
    """Phenotype phase plane."""
    robustness: Robustness | None = None
    """Robustness analysis."""
    media: list[Medium] | None = None
    """Minimal media."""
    blocked: list[str] | None = None
    """Blocked reactions."""
    samples: FluxSamples | None = None
    """Flux sampling."""
    gap_fills: list[GapFill] | None = None
    """Gap filling: the proposals."""
    batch: BatchColumns | None = None
    """The variants of a batch, in columns; the fields above are those of the problem without a variant."""
    dynamics: DynamicFba | None = None
    """Dynamic FBA."""
    certificate: Certificate | None = None
    """The proof of an optimal answer."""


class MetabolicResult(MetabolicOutcome):
    """What the metabolic service answers. No number is given for a problem that has no solution."""

    computation_type: Literal["static_metabolic"] = "static_metabolic"
    computation_service: Literal["centralized_cobrapy"] = "centralized_cobrapy"
    execution_result: Literal["computed_state"] = "computed_state"
    process_code: str
    """The code as it was asked."""
    vm_id: str | None = None
    objective: dict[str, float]
    """The objective that was used: reaction id → coefficient."""
    objective_direction: Literal["max", "min"]
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
