"""Models that an owner keeps, on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bioxen.protocol.base import Message
from bioxen.protocol.request import BiologicalType
from bioxen.protocol.units import ModelText

ModelId = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]
Words = Annotated[str, Field(min_length=1, max_length=1000)]


class NewModel(Message):
    """The body of `POST /models`: a model to be kept for whoever asks."""

    id: ModelId
    """What requests will name it; none that looks like a digest."""
    text: ModelText
    """The whole model: SBML, Antimony or COBRA JSON."""
    format: Literal["sbml", "antimony", "cobra-json"] | None = None
    """What the text is; found out where absent."""
    kind: Literal["metabolic", "kinetic"] | None = None
    """What it is for; found out where absent: SBML with flux balance constraints is metabolic."""
    chassis: BiologicalType = "generic"
    """The organism that it describes."""
    title: Words | None = None
    """What it is; the id where absent."""
    version: Words = "1"
    licence: Words = "unknown"
    """The licence that you hold it under."""
    sources: Annotated[list[Words], Field(max_length=100)] = Field(default_factory=list)
    """Where it comes from."""
    limits: Annotated[list[Words], Field(max_length=100)] = Field(default_factory=list)
    """What it should not be used for."""
