"""The cache itself: encoded answers under their keys, the least recently used first out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

ENTRY_BYTES = 256
"""What an entry takes beside its answer: the key, and its places in memory."""
LARGEST_SHARE = 4
"""An answer that takes more than this part of the room is not kept: it would drive out too many others."""


class Mirror(Protocol):
    """Is told what is kept."""

    failures: int
    """How often it could not do as it was told."""

    def write(self, key: bytes, answer: bytes) -> None:
        """Keep it too."""
        ...

    def remove(self, key: bytes) -> None:
        """Keep it no longer."""
        ...


class AnswerCache:
    """Bytes under keys, within a limit; for one event loop.

    Bytes cannot be changed, so nobody who was given an answer can change what is kept.

    Args:
        limit: bytes that may be kept; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        """Bytes kept now."""
        self.hits = self.misses = self.evictions = 0
        self.shared = 0
        """Requests that waited for the answer to an equal one under way."""
        self.mirror: Mirror | None = None
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def __contains__(self, key: bytes) -> bool:
        return key in self._answers

    def restore(self, known: Iterable[tuple[bytes, bytes]], mirror: Mirror) -> None:
        """Take up answers that were kept, the oldest first, and from now on tell `mirror` what is kept."""
        keys = []
        for key, answer in known:
            keys.append(key)
            self.put(key, answer)
        self.mirror = mirror
        for key in keys:
            if key not in self:  # there is less room than there was
                mirror.remove(key)

    @property
    def hit_ratio(self) -> float:
        """Return the share of requests that were answered from here; 0 before the first."""
        asked = self.hits + self.misses + self.shared
        return self.hits / asked if asked else 0.0

    @property
    def file_failures(self) -> int:
        """Return how many answers could not be kept as files."""
        return self.mirror.failures if self.mirror is not None else 0

    def get(self, key: bytes) -> bytes | None:
        """Return the answer under `key`; `None` where there is none."""
        answer = self._answers.get(key)
        if answer is None:
            return None
        self.hits += 1
        self._answers.move_to_end(key)
        return answer

    def put(self, key: bytes, answer: bytes) -> None:
        """Keep an answer, where there is room for it."""
        size = len(answer) + ENTRY_BYTES
        if size * LARGEST_SHARE > self.limit or key in self._answers:
            return
        self._answers[key] = answer
        self.used += size
        if self.mirror is not None:
            self.mirror.write(key, answer)
        while self.used > self.limit:
            forgotten, oldest = self._answers.popitem(last=False)
            self.used -= len(oldest) + ENTRY_BYTES
            self.evictions += 1
            if self.mirror is not None:
                self.mirror.remove(forgotten)
