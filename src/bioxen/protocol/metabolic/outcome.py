"""What an analysis of one problem found."""

from __future__ import annotations

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.metabolic.adjustment import Adjustment
from bioxen.protocol.metabolic.deletions import (
    Deletion,
    DeletionMatrix,
    DeletionPairs,
    Essentiality,
)
from bioxen.protocol.metabolic.dynamic import DynamicFba
from bioxen.protocol.metabolic.flux import FluxRange, Uniqueness
from bioxen.protocol.metabolic.medium import Medium
from bioxen.protocol.metabolic.request import Certificate, MetabolicStatus
from bioxen.protocol.metabolic.sampling import FluxSamples
from bioxen.protocol.metabolic.scans import Envelope, PhasePlane, Robustness
from bioxen.protocol.metabolic.structure import GapFill
from bioxen.protocol.units import Flux


class Outcome(Message):
    """The part of a result that the analysis decides. No number is given for a problem without a solution."""

    status: MetabolicStatus
    """`numeric` means that the solver found no answer that it can prove."""
    message: str
    """One sentence on the outcome; for anything but `optimal` it says what to try."""
    optimal_objective: float | None = Field(json_schema_extra={"x-unit": "objective unit"})
    """The objective's value, 1/h for a biomass objective; null unless `status` is optimal."""
    flux_state: dict[str, Flux] | None = None
    """Reaction id → flux; null unless `status` is optimal and the analysis gives one flux distribution."""
    flux_ranges: dict[str, FluxRange] | None = None
    """Flux variability: reaction id → range."""
    deletions: list[Deletion] | None = None
    """Deletion studies: one row a deletion."""
    deletion_matrix: DeletionMatrix | None = None
    """Double deletion studies of many pairs."""
    deletion_pairs: DeletionPairs | None = None
    """Double deletion studies: the pairs that interact, or that are lethal together only."""
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
    dynamics: DynamicFba | None = None
    """Dynamic FBA."""
    certificate: Certificate | None = None
    """The proof of an optimal answer."""
