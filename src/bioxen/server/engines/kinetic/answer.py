"""What an analysis gives back, before the engine writes identity and provenance around it."""

from __future__ import annotations

from dataclasses import dataclass

from bioxen.protocol.kinetic import Estimation, Sensitivity, SteadyState
from bioxen.protocol.model_export import ExportedModel
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.outputs import Column


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
    exported: ExportedModel | None = None


def failed(message: str, settings: dict[str, Setting], seed: int | None = None) -> Answer:
    """Return a failure; the message says what happened and what to try."""
    return Answer(message=message, settings=settings, completed=False, seed=seed)
