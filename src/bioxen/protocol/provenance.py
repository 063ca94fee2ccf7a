"""Where a computed result comes from: enough to compute it again."""

from __future__ import annotations

from pydantic import Field

from bioxen.protocol.base import Message

Setting = str | int | float | bool | None


class Provenance(Message):
    """What computed a result, from what, and how."""

    model_id: str | None
    """The repository's id of the model, or null where the model came as text in the request."""
    model_digest: str
    """The sha256 of the model's text."""
    engine: str
    """The engine's name."""
    engine_version: str
    """The versions of the engine and of the libraries that computed."""
    bioxen_version: str
    """The version of BioXen."""
    settings: dict[str, Setting] = Field(default_factory=dict)
    """Every setting in force (tolerances, solver, algorithm), defaults included."""
    seed: int | None = None
    """The seed of the random numbers, where any were used."""
