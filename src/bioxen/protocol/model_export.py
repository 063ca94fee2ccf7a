"""A model on its way out, in the formats that other programs read."""

from __future__ import annotations

from typing import Literal

from bioxen.protocol.base import Message

ExportFormat = Literal["sbml", "antimony", "combine"]
"""SBML, Antimony, or a COMBINE archive (OMEX) with both."""


class ExportedModel(Message):
    """A model with the request's parameters and initial conditions written into it."""

    format: ExportFormat
    file_name: str
    """A name for the file, with the extension that belongs to the format."""
    media_type: str
    text: str | None = None
    """The model; null for an archive."""
    archive: str | None = None
    """The archive in base64; null for a text."""
