"""Where a process of the pool prints: a nameless file of which the last words are read when it dies."""

from __future__ import annotations

import fcntl
import os
import tempfile

TAIL = 2000
"""Bytes of output that an error carries."""
_ROOM = 1 << 20
_TRACEBACK = "Fatal Python error"


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
        return os.pread(self.fileno(), TAIL, max(0, size - TAIL)).decode(errors="replace").strip()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()


def without_traceback(words: str) -> str:
    """Return what a library printed before it died, without Python's dump of the server's own code."""
    return words.partition(_TRACEBACK)[0].strip()
