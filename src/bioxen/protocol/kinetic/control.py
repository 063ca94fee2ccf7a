"""Metabolic control analysis of a steady state."""

from __future__ import annotations

from typing import ClassVar, Literal

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.request import KineticRequest

Table = list[list[float | None]]


class ControlRequest(KineticRequest):
    """Elasticities and control coefficients at the steady state that the model settles to."""

    title: ClassVar[str] = "metabolic control analysis"

    process_code: Literal["kinetic_control", "control_analysis"] = "kinetic_control"


class ControlAnalysis(Message):
    """Elasticities and control coefficients. Scaled ones are d ln/d ln, null where that divides by 0."""

    reactions: list[str]
    species: list[str]
    """The variables in their natural selection: `[S]` a concentration, `S` an amount."""
    fluxes: list[float]
    """The steady rate of each reaction."""
    levels: list[float]
    """The steady value of each of `species`."""
    elasticities: Table
    """Reactions × species: ∂v/∂s, unscaled."""
    scaled_elasticities: Table
    concentration_control: Table
    """Species × reactions: ds/dv of a change of a rate by something outside, unscaled."""
    scaled_concentration_control: Table
    flux_control: Table
    """Reactions × reactions: row J, column of the reaction whose rate is changed; unscaled."""
    scaled_flux_control: Table
    parameters: list[str]
    """The free global parameters."""
    parameter_elasticities: Table
    """Reactions × parameters: ∂v/∂p, unscaled."""
    flux_responses: Table
    """Reactions × parameters: dJ/dp, unscaled."""
    concentration_responses: Table
    """Species × parameters: ds/dp, unscaled."""
    summation_error: float
    """Largest distance of a row sum of scaled coefficients from the theorem's 1 (fluxes) or 0 (species)."""
    connectivity_error: float | None
    """Largest distance from the connectivity theorem, as a share of the largest term that cancels for the
    same flux or level; null where rate rules move something, which the theorem does not know."""
