"""Texts that were here lately: whoever asks about a model asks again, and a large one takes a while."""

from __future__ import annotations

import sys
import threading

from bioxen.server.bytecode.recent import Recent
from bioxen.server.bytecode.scan import MAX_CHARACTERS, admit
from bioxen.server.bytecode.source import ModelFormat, ModelSource, digest_of

REMEMBERED = 64
"""Texts remembered."""
BYTES = 2 * MAX_CHARACTERS
"""Bytes of them all together."""


class Lately:
    """Remembers texts that were admitted, the last ones; may be asked by several threads."""

    def __init__(self, texts: int = REMEMBERED, limit: int = BYTES) -> None:
        self._sources: Recent[tuple[str, ModelFormat | None], ModelSource] = Recent(texts, limit)
        self._last: tuple[str, ModelFormat | None] | None = None
        """What was asked for last. A text has to be hashed to be looked up, which takes five times as long as
        to see that it equals another one, whose hash is known."""
        self._lock = threading.Lock()

    def known(self, text: str, format: ModelFormat | None = None) -> ModelSource | None:
        """Return `text` as a model source where it was admitted lately, else `None`; that takes no time."""
        asked = text, format
        with self._lock:
            key = self._last = self._last if self._last == asked else asked
            return self._sources.get(key)

    def admit(self, text: str, format: ModelFormat | None = None) -> ModelSource:
        """Return `text` as a model source, as `scan.admit` does, which looks at a text once.

        Raises:
            InvalidModelError: see there; nothing is remembered of such a text.
        """
        known = self.known(text, format)
        if known is not None:
            return known
        source = admit(text, format)
        with self._lock:
            self._sources.put((text, format), source, sys.getsizeof(text))
        return source


class Digests:
    """Remembers the digests of texts, for one thread: each is gone through once, not for every request."""

    def __init__(self, texts: int = REMEMBERED, limit: int = BYTES) -> None:
        self._digests: Recent[str, str] = Recent(texts, limit)

    def of(self, text: str) -> str:
        """Return the sha256 of `text` in UTF-8, in hexadecimal."""
        known = self._digests.get(text)
        if known is None:
            known = digest_of(text)
            self._digests.put(text, known, sys.getsizeof(text))
        return known
