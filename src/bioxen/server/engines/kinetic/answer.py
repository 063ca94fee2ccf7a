"""What an analysis gives back, before the engine writes identity and provenance around it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from bioxen.protocol.kinetic import (
    Audit,
    Branch,
    ControlAnalysis,
    Estimation,
    EventFirings,
    GlobalSensitivity,
    Members,
    Oscillation,
    PetabFit,
    Sensitivity,
    SteadyState,
    Summary,
)
from bioxen.protocol.model_export import ExportedModel
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.outputs import Column

_AROUND = frozenset({"message", "settings", "completed", "seed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An outcome. One that failed has a message and settings, and no numbers."""

    message: str
    settings: dict[str, Setting]
    completed: bool = True
    seed: int | None = None
    time_vector: list[float] | None = None
    species_trajectories: dict[str, Column] | None = None
    final_state: dict[str, float | None] | None = None
    output_units: dict[str, str] | None = None
    steady_state: SteadyState | None = None
    sensitivities: list[Sensitivity] | None = None
    estimation: Estimation | None = None
    event_firings: EventFirings | None = None
    members: Members | None = None
    audit: Audit | None = None
    summary: Summary | None = None
    global_sensitivity: GlobalSensitivity | None = None
    control: ControlAnalysis | None = None
    branch: Branch | None = None
    oscillations: list[Oscillation] | None = None
    petab: PetabFit | None = None
    exported: ExportedModel | None = None

    def parts(self) -> dict[str, Any]:
        """Return the numbers: the fields that the result has under the same name."""
        return {name: getattr(self, name) for name in _PARTS}


_PARTS = tuple(field.name for field in fields(Answer) if field.name not in _AROUND)


def failed(message: str, settings: dict[str, Setting], seed: int | None = None) -> Answer:
    """Return a failure; the message says what happened and what to try."""
    return Answer(message=message, settings=settings, completed=False, seed=seed)
