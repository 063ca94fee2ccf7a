"""Texts that passed the door lately: whoever asks about a model asks again, and a large one takes a while."""

from __future__ import annotations

import threading
from collections import OrderedDict

from bioxen.server.bytecode.scan import MAX_CHARACTERS, admit
from bioxen.server.bytecode.source import ModelFormat, ModelSource

REMEMBERED = 64
"""Texts remembered."""
CHARACTERS = 2 * MAX_CHARACTERS
"""Characters of them all together."""


class Lately:
    """Remembers texts that were admitted, the last ones; may be asked by several threads."""

    def __init__(self, texts: int = REMEMBERED, characters: int = CHARACTERS) -> None:
        self._texts, self._limit = texts, characters
        self._known: OrderedDict[tuple[str, ModelFormat | None], ModelSource] = OrderedDict()
        self._characters = 0
        self._lock = threading.Lock()

    def admit(self, text: str, format: ModelFormat | None = None) -> ModelSource:
        """Return `text` as a model source, as `scan.admit` does, which looks at a text once.

        Raises:
            InvalidModelError: see there; nothing is remembered of such a text.
        """
        key = (text, format)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        source = admit(text, format)
        with self._lock:
            if key not in self._known:
                self._known[key] = source
                self._characters += len(text)
            while len(self._known) > self._texts or self._characters > self._limit:
                (old, _), _ = self._known.popitem(last=False)
                self._characters -= len(old)
        return source
