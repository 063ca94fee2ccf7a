"""What an analysis of a kinetic model found."""

from __future__ import annotations

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.continuation import Branch
from bioxen.protocol.kinetic.control import ControlAnalysis
from bioxen.protocol.kinetic.estimation import Estimation
from bioxen.protocol.kinetic.members import Audit, Members
from bioxen.protocol.kinetic.oscillation import Oscillation
from bioxen.protocol.kinetic.petab import PetabFit
from bioxen.protocol.kinetic.request import KineticStatus
from bioxen.protocol.kinetic.screening import GlobalSensitivity
from bioxen.protocol.kinetic.sensitivity import Sensitivity
from bioxen.protocol.kinetic.simulation import EventFirings
from bioxen.protocol.kinetic.steady import SteadyState
from bioxen.protocol.kinetic.summary import Summary
from bioxen.protocol.model_export import ExportedModel
from bioxen.protocol.units import ModelTime


class Outcome(Message):
    """The part of a result that the analysis decides. A failed one carries no numbers."""

    status: KineticStatus
    message: str
    """One sentence on the outcome; for `failed` the solver's words and what to try."""
    time_vector: list[ModelTime] | None = None
    """The points in time."""
    species_trajectories: dict[str, list[float | None]] | None = None
    """Selection → one value a point; null where the value is not a finite number."""
    final_state: dict[str, float | None] | None = None
    """Selection → value at the last point, or at the steady state."""
    output_units: dict[str, str] | None = None
    """Selection → unit, where the model declares one."""
    steady_state: SteadyState | None = None
    sensitivities: list[Sensitivity] | None = None
    estimation: Estimation | None = None
    event_firings: EventFirings | None = None
    """Of a deterministic time course; null for a model without events."""
    members: Members | None = None
    audit: Audit | None = None
    """How far members in lanes are from libRoadRunner; null where none was compared."""
    summary: Summary | None = None
    global_sensitivity: GlobalSensitivity | None = None
    control: ControlAnalysis | None = None
    branch: Branch | None = None
    oscillations: list[Oscillation] | None = None
    petab: PetabFit | None = None
    exported: ExportedModel | None = None
    """The model that was asked for."""
