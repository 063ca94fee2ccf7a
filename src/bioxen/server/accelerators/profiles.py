"""How each type of process is laid out on a device: precision, batch, and what runs side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bioxen.server.engines.crossover import GPU_TOLERANCE


@dataclass(frozen=True, slots=True)
class OptimizationProfile:
    """The layout of one type of process."""

    process_type: str
    precision: Literal["float64", "float32"]
    """The least precision that keeps the type's answers within their stated tolerance."""
    batch_size: int
    """Members of a batch handed out at once."""
    tolerance: float
    """Relative difference from the CPU's answer up to which a device's answer is accepted."""
    why: str
    """The reason for these choices."""


KINETIC_ENSEMBLES = "kinetic_ensembles"
PROFILES = {
    profile.process_type: profile
    for profile in (
        OptimizationProfile(
            "metabolic_modeling",
            "float64",
            256,
            1e-9,
            "a simplex basis is ill-conditioned: single precision loses the certificate of an answer",
        ),
        OptimizationProfile(
            "large_scale_modeling",
            "float64",
            64,
            1e-9,
            "as metabolic modelling; each member needs megabytes, so fewer go out at once",
        ),
        OptimizationProfile(
            KINETIC_ENSEMBLES,
            "float64",
            500,
            GPU_TOLERANCE,
            "the solver's tolerances reach below single precision; a batch is a block of the service",
        ),
        OptimizationProfile(
            "transcriptomics_inference",
            "float32",
            1024,
            1e-4,
            "measured expression carries fewer digits than single precision",
        ),
        OptimizationProfile(
            "protein_folding",
            "float32",
            1,
            1e-3,
            "one structure fills a device; coordinates are known to about 0.01 nm",
        ),
    )
}
"""Process type → profile."""
