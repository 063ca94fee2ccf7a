"""Machine code kept between processes, under a digest of all that it was made from."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from bioxen.server.engines.cache_folder import cache_folder

FORMAT = 1
MAX_FILES = 4096
"""The files least recently written go first, a quarter of this at a time; most take 5 to 50 kB."""
_DIGEST = 32


def kept(origin: str, make: Callable[[], bytes]) -> bytes:
    """Return what `make` made from `origin` once; a file that is not whole is made again."""
    folder = cache_folder("lanes", f"v{FORMAT}")
    if folder is None:
        return make()
    path = folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.o"
    content = _read(path)
    if content is None:
        content = make()
        _write(folder, path, content)
    return content


def _read(path: Path) -> bytes | None:
    try:
        file = path.read_bytes()
    except OSError:
        return None
    content = file[_DIGEST:]
    return content if hashlib.sha256(content).digest() == file[:_DIGEST] else None


def _write(folder: Path, path: Path, content: bytes) -> None:
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        _prune(folder)


def _prune(folder: Path) -> None:
    names = [name for name in os.listdir(folder) if name.endswith(".o")]  # noqa: PTH208 - thousands of names
    if len(names) > MAX_FILES:
        files = sorted((folder / name for name in names), key=lambda each: each.stat().st_mtime_ns)
        for old in files[: len(files) - 3 * MAX_FILES // 4]:
            old.unlink(missing_ok=True)
