"""A model on its way out, in the formats that other programs read."""

from __future__ import annotations

import base64
from typing import Literal

from bioxen.protocol.base import Message

ExportFormat = Literal["sbml", "antimony", "combine"]
"""SBML, Antimony, or a COMBINE archive (OMEX) with both."""
FORMATS: dict[str, ExportFormat] = {".xml": "sbml", ".ant": "antimony", ".omex": "combine"}
"""The ending of a file's name → its format."""


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

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        return base64.b64decode(self.archive or "") if self.text is None else self.text.encode()
