"""What is said of a model that somebody adds, checked: its id, and what its text tells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from bioxen.errors import ConfigurationError
from bioxen.protocol.services import ModelInfo
from bioxen.server.bytecode.source import ModelKind, ModelSource

DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")
"""A sha256, or the beginning of one."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}")


def describe(  # noqa: PLR0913 - what a model must say of itself
    source: ModelSource,
    *,
    id: str,
    chassis: str,
    title: str,
    licence: str,
    origin: Literal["user", "owner"],
    kind: ModelKind | None = None,
    version: str = "1",
    sources: Sequence[str] = (),
    limits: Sequence[str] = (),
) -> ModelInfo:
    """Return what is known of a model; its text tells the kind where that is not given."""
    return ModelInfo(
        id=id,
        kind=kind or _kind_of(source),
        chassis=chassis,
        title=title,
        format=source.format,
        version=version,
        digest=source.digest,
        licence=licence,
        sources=[*sources],
        limits=[*limits],
        origin=origin,
    )


def is_id(id: str) -> bool:
    """Return whether `id` can name a model: then it can name a file as well, and is no digest."""
    return _ID.fullmatch(id) is not None and DIGEST.fullmatch(id) is None


def check_id(id: str) -> None:
    """Return where `id` can name a model.

    Raises:
        ConfigurationError: it cannot.
    """
    if not is_id(id):
        raise ConfigurationError(
            f"{id!r} cannot be the id of a model",
            details={
                "place": "id",
                "remedy": "Use up to 100 letters, digits and _.- that do not look like a digest.",
            },
        )


def _kind_of(source: ModelSource) -> ModelKind:
    """Return what the text is for: flux balance constraints make a model metabolic."""
    if source.format == "sbml":
        return "metabolic" if "sbml.org/sbml/level3/version1/fbc/" in source.text else "kinetic"
    return "metabolic" if source.format == "cobra-json" else "kinetic"
