"""Where a process of the pool prints: a nameless file of which the last words are read when it dies."""

from __future__ import annotations

import fcntl
import os
import re
import tempfile

_TAIL = 64 << 10
"""Bytes that are read back: enough for the beginning of a traceback, which is where it is cut off."""
_TOLD = 2000
"""Characters of it that an error carries."""
_ROOM = 1 << 20
_TRACEBACK = re.compile(r"Fatal Python error|Traceback \(most recent call last\)")


class Capture:
    """The output of one process. A file, since a pipe that nobody reads blocks whoever prints into it."""

    def __init__(self) -> None:
        # The file outlives its Python object in the worker; append mode survives being truncated.
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by close()
        fcntl.fcntl(self._file, fcntl.F_SETFL, os.O_RDWR | os.O_APPEND)

    def fileno(self) -> int:
        """Return the descriptor to hand over."""
        return self._file.fileno()

    def trim(self) -> None:
        """Keep a chatterbox from filling the disk."""
        if os.fstat(self.fileno()).st_size > _ROOM:
            os.ftruncate(self.fileno(), 0)

    def tail(self) -> str:
        """Return the last words, for the log."""
        size = os.fstat(self.fileno()).st_size
        return os.pread(self.fileno(), _TAIL, max(0, size - _TAIL)).decode(errors="replace").strip()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def without_traceback(words: str) -> str:
    """Return what a library printed before it died, without Python's dumps of the server's own code."""
    return _TRACEBACK.split(words, maxsplit=1)[0].strip()[-_TOLD:]
