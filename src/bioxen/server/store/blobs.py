"""Results as files named by their sha256: written aside, made durable, then renamed into place."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bioxen.errors import ComputationError


class Blobs:
    """A folder of immutable files.

    Args:
        folder: where they are; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, content: bytes) -> str:
        """Keep `content`, on the disk when this returns, and return its sha256; see `write_parts`."""
        return self.write_parts([content])

    def write_parts(self, parts: Sequence[bytes | memoryview]) -> str:
        """Keep `parts` one after the other as one file, on the disk when this returns; return its sha256.

        Raises:
            OSError: the disk is full, say.
        """
        hashed = hashlib.sha256()
        for part in parts:
            hashed.update(part)
        digest = hashed.hexdigest()
        path = self._path(digest)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)  # it is there, and wanted from now on: see `remove_old`
            if _digest_of(path) == digest:  # one that was damaged is written anew
                return digest
        path.parent.mkdir(exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".aside-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            Path(aside).replace(path)
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
        return digest

    def read(self, digest: str) -> bytes:
        """Return the content of that sha256. A damaged file is set aside, so that it can be written again.

        Raises:
            ComputationError: it is not there, or it is not what it was.
        """
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise _lost(digest, "is missing") from None
        except OSError as error:
            raise _lost(digest, f"cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            with contextlib.suppress(FileNotFoundError):
                self._path(digest).rename(self._path(digest).with_name(f".aside-damaged-{digest}"))
            raise _lost(digest, "was changed on the disk")
        return content

    def __contains__(self, digest: str) -> bool:
        return self._path(digest).exists()

    def remove_old(self, digest: str, before: float) -> int | None:
        """Forget the content of that sha256 unless it was written since `before`; return the bytes freed.

        It is set aside before its time is read for good: who writes it again meanwhile makes a new file.
        """
        path = self._path(digest)
        aside = path.with_name(f".aside-{digest}")
        try:
            if path.stat().st_mtime >= before:
                return None
            path.rename(aside)
        except FileNotFoundError:
            return None
        facts = aside.stat()
        if facts.st_mtime >= before:
            aside.rename(path)
            return None
        aside.unlink()
        return facts.st_size

    def remove_asides(self, before: float) -> None:
        """Remove what writers left that ended in the middle."""
        for path in self._folder.glob("??/.aside-*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before:
                    path.unlink()

    def digests(self) -> Iterator[str]:
        """Give the sha256 of every file."""
        for path in self._folder.glob("??/*"):
            if not path.name.startswith("."):
                yield path.name

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the new name durable too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _lost(digest: str, why: str) -> ComputationError:
    return ComputationError(
        f"The stored result {digest[:12]}… {why}.",
        details={"place": digest, "remedy": "Compute it again; the same request gives the same bytes."},
    )
