"""A model's text from a file that a person named; services never read one."""

from __future__ import annotations

import gzip
from pathlib import Path

from bioxen.errors import ConfigurationError


def read_model_file(file: Path, *, place: str, remedy: str) -> str:
    """Return the text in `file`, unpacked where its name ends in `.gz`.

    Args:
        file: the file.
        place: what an error calls the input that named it.
        remedy: what an error says would be right.

    Raises:
        ConfigurationError: it cannot be read, or is no text.
    """
    try:
        data = file.read_bytes()
        return (gzip.decompress(data) if file.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"Cannot read {file}: {error}.", details={"place": place, "remedy": remedy}
        ) from None
