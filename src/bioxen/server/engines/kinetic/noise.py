"""What C libraries print, caught at the level of file descriptors.

CVODE writes its warnings to stdout and its errors to stderr, past Python's own streams. Some of those words
matter: they are the only sign that an integration collapsed and went on with garbage.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import weakref
from pathlib import Path
from typing import Self

_libc = ctypes.CDLL(None)
_KEPT_BYTES = 64_000


class Noise:
    """A pocket that swallows the output of C code while it is open; one per engine, used again and again."""

    def __init__(self) -> None:
        self._descriptor, name = tempfile.mkstemp()
        Path(name).unlink()
        weakref.finalize(self, os.close, self._descriptor)
        self._text = ""
        self._open = False
        self._saved = (-1, -1)

    def __enter__(self) -> Self:
        """Send file descriptors 1 and 2 into the pocket until the block ends, in which only C code prints."""
        self._text = ""
        _libc.fflush(None)
        self._saved = os.dup(1), os.dup(2)
        os.dup2(self._descriptor, 1)
        os.dup2(self._descriptor, 2)
        self._open = True
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        _libc.fflush(None)
        for descriptor, original in zip((1, 2), self._saved, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
        self._text = self._drain()

    def text(self) -> str:
        """Return what was caught so far, in an open block or in the last one."""
        if not self._open:
            return self._text
        _libc.fflush(None)
        return self._text + self._peek()

    def _peek(self) -> str:
        size = os.lseek(self._descriptor, 0, os.SEEK_END)
        if size == 0:
            return ""
        return os.pread(self._descriptor, _KEPT_BYTES, max(0, size - _KEPT_BYTES)).decode(errors="replace")

    def _drain(self) -> str:
        text = self._peek()
        if text:
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
        return text
