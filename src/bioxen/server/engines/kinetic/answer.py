"""What an analysis gives back, before the engine writes identity and provenance around it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import InstanceOf, SkipValidation

from bioxen.protocol.kinetic import KineticStatus, Outcome
from bioxen.protocol.provenance import Setting
from bioxen.server.engines.kinetic.outputs import Column, Trajectories
from bioxen.server.engines.signing import part_of

_outcome_of = part_of(Outcome)


class Answer(Outcome):
    """An outcome, and what its provenance tells of it."""

    status: KineticStatus = "completed"
    species_trajectories: Annotated[dict[str, Column] | None, SkipValidation] = None
    """Null where `trajectories` has them."""
    trajectories: InstanceOf[Trajectories] | None = None
    """They have been looked at as an array: one by one the numbers take long."""
    settings: Annotated[dict[str, Setting], SkipValidation]
    """Checked in the provenance."""
    seed: int | None = None

    @property
    def completed(self) -> bool:
        """Whether there are numbers."""
        return self.status == "completed"

    def outcome(self) -> dict[str, Any]:
        """Return the fields of the outcome by name, without `trajectories`."""
        return _outcome_of(self)


def failed(message: str, settings: dict[str, Setting], seed: int | None = None) -> Answer:
    """Return a failure; the message says what happened and what to try."""
    return Answer(status="failed", message=message, settings=settings, seed=seed)
