"""One model of the repository: what is said of it, and its text."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from bioxen.errors import ModelNotFoundError
from bioxen.protocol.services import ModelInfo


@dataclass(frozen=True, slots=True)
class Entry:
    """One model of the repository: what is said of it, and where its text is."""

    info: ModelInfo
    path: Path


def read_text(entry: Entry) -> str:
    """Return the text of a model, whatever its digest is.

    Raises:
        ModelNotFoundError: the file is not there.
    """
    try:
        data = entry.path.read_bytes()
    except FileNotFoundError:
        raise ModelNotFoundError(
            f"the text of model {entry.info.id} is not there: {entry.path.name}",
            details={
                "place": entry.info.id,
                "remedy": 'Install what brings it: pip install "bioxen[server]".',
            },
        ) from None
    return (gzip.decompress(data) if entry.path.suffix == ".gz" else data).decode("utf-8")
