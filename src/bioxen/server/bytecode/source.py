"""A model's text with what is known of it: what the repository gives and engines compile."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

ModelFormat = Literal["sbml", "antimony", "cobra-json"]
ModelKind = Literal["metabolic", "kinetic"]


@dataclass(frozen=True, slots=True)
class ModelSource:
    """One model as text."""

    text: str
    format: ModelFormat
    digest: str
    """sha256 of the text in UTF-8."""
    id: str | None = None
    """The repository's id; `None` where the text came with a request."""


def digest_of(text: str) -> str:
    """Return the sha256 of `text` in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
