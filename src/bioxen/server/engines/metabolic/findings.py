"""What an analysis found, before the engine signs it with its provenance."""

from __future__ import annotations

from dataclasses import dataclass, field

from bioxen.protocol.metabolic import (
    Adjustment,
    BatchColumns,
    Certificate,
    Deletion,
    DeletionMatrix,
    DeletionPairs,
    DynamicFba,
    Envelope,
    Essentiality,
    FluxRange,
    FluxSamples,
    GapFill,
    Medium,
    MetabolicStatus,
    PhasePlane,
    Robustness,
    Uniqueness,
)
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.metabolic.network import Network, Vector
from bioxen.server.engines.metabolic.problem import Problem
from bioxen.server.engines.metabolic.solver import Optimum, Ranges, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The part of a result that an analysis decides; the fields are those of `MetabolicResult`."""

    problem: Problem
    status: MetabolicStatus
    message: str
    optimal_objective: float | None = None
    flux_state: dict[str, float] | None = None
    flux_ranges: dict[str, FluxRange] | None = None
    deletions: list[Deletion] | None = None
    deletion_matrix: DeletionMatrix | None = None
    deletion_pairs: DeletionPairs | None = None
    essentiality: Essentiality | None = None
    shadow_prices: dict[str, float] | None = None
    reduced_costs: dict[str, float] | None = None
    uniqueness: Uniqueness | None = None
    adjustment: Adjustment | None = None
    envelope: Envelope | None = None
    phase_plane: PhasePlane | None = None
    robustness: Robustness | None = None
    media: list[Medium] | None = None
    blocked: list[str] | None = None
    samples: FluxSamples | None = None
    gap_fills: list[GapFill] | None = None
    batch: BatchColumns | None = None
    dynamics: DynamicFba | None = None
    certificate: Certificate | None = None
    settings: dict[str, Setting] = field(default_factory=dict)
    """Settings of this analysis, beside those of the solver."""


def flux_state(network: Network, fluxes: Vector) -> dict[str, float]:
    """Return reaction id → flux; no flux is written as -0."""
    return dict(zip(network.reactions, (fluxes + 0.0).tolist(), strict=True))


def solved_by(*parts: Optimum | Study | Ranges) -> dict[str, Setting]:
    """Return the setting that names what solved."""
    solvers = {
        solver for part in parts for solver in ({part.solver} if isinstance(part, Optimum) else part.solvers)
    }
    return {"solver": ", ".join(sorted(solvers))}
