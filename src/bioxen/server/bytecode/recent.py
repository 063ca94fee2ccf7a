"""What was needed lately, and may be again: values under keys, within so many entries and so many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values under keys, the least recently used first out; for one thread at a time.

    Args:
        entries: how many may be kept.
        limit: bytes that they may take together.
    """

    def __init__(self, entries: int, limit: int) -> None:
        self._entries, self._limit = entries, limit
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.used = 0
        """Bytes kept now."""

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: K) -> bool:
        return key in self._kept

    def __getitem__(self, key: K) -> V:
        self._kept.move_to_end(key)
        return self._kept[key][0]

    def get(self, key: K) -> V | None:
        """Return the value under `key`, or `None` where there is none."""
        found = self._kept.get(key)  # a key may be a long text, and each look compares it
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value that takes `size` bytes; one that takes more than may be kept drives out nothing."""
        self.pop(key)
        if size > self._limit:
            return
        self._kept[key] = value, size
        self.used += size
        while len(self._kept) > self._entries or self.used > self._limit:
            self.used -= self._kept.popitem(last=False)[1][1]

    def pop(self, key: K) -> None:
        """Forget what is under `key`, if anything is."""
        if key in self._kept:
            self.used -= self._kept.pop(key)[1]

    def pop_where(self, is_so: Callable[[K], bool]) -> None:
        """Forget what is under the keys of which `is_so` is true."""
        for key in [key for key in self._kept if is_so(key)]:
            self.pop(key)
