"""An analysis of every variant of a batch, and what it found for each."""

from __future__ import annotations

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.continuation import Branch, ContinuationRequest
from bioxen.protocol.kinetic.control import ControlAnalysis, ControlRequest
from bioxen.protocol.kinetic.oscillation import Oscillation, OscillationRequest
from bioxen.protocol.kinetic.request import KineticStatus
from bioxen.protocol.kinetic.sensitivity import Sensitivity, SensitivityRequest
from bioxen.protocol.kinetic.steady import SteadyState, SteadyStateRequest

VariantAnalysis = (
    ControlRequest | OscillationRequest | SensitivityRequest | ContinuationRequest | SteadyStateRequest
)
"""The analyses that a batch can make of every variant."""


class VariantOutcome(Message):
    """What an analysis found for one variant: what its own request would. A failed one has no numbers."""

    status: KineticStatus
    message: str
    """One sentence on the outcome; for `failed` the solver's words and what to try."""
    final_state: dict[str, float | None] | None = None
    """Selection → value at the steady state, or at `time_end` for sensitivities."""
    steady_state: SteadyState | None = None
    sensitivities: list[Sensitivity] | None = None
    control: ControlAnalysis | None = None
    branch: Branch | None = None
    oscillations: list[Oscillation] | None = None
