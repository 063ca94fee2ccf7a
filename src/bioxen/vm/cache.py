"""The cache of one cell: the last results it was given, kept as JSON text.

Text because a caller that changes a result can then never change the cache, because its size is known
exactly, and because it takes a tenth of the memory of the objects.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.result import ProcessResult

MAX_RESULTS = 128
"""Results kept at most."""
MB = 1_000_000
DEFAULT_BYTES = 16 * MB
"""Bytes kept at most, where no memory was granted to the cell."""

_TOUCHED = threading.Lock()
"""Guards every cell's cache: each is touched for microseconds, and a lock for each cell would weigh."""


def cache_key(request: ComputeRequest) -> str:
    """Return the fingerprint of what the answer depends on: all but who asks and how long it may take."""
    return request.model_copy(update={"vm_id": None, "deadline": None}).fingerprint()


class ResultCache:
    """Remembers computed results, least recently used first out; safe to share between threads."""

    __slots__ = ("_limit", "_results", "used")

    def __init__(self, limit: int = DEFAULT_BYTES) -> None:
        self._results: OrderedDict[str, bytes] = OrderedDict()
        self._limit = limit
        self.used = 0
        """Bytes kept now."""

    def get(self, key: str) -> ProcessResult | None:
        """Return a new copy of the result under `key`, or null."""
        with _TOUCHED:
            text = self._results.get(key)
            if text is None:
                return None
            self._results.move_to_end(key)
        return ProcessResult.model_validate_json(text)

    def put(self, key: str, result: ProcessResult) -> None:
        """Keep a computed result; symbolic and failed ones, and one beyond the limit, are not kept."""
        if result.symbolic or result.status != "success":
            return
        text = result.model_dump_json().encode()
        with _TOUCHED:
            if len(text) <= self._limit:
                self._drop(key)
                self._results[key] = text
                self.used += len(text)
                self._shrink()

    def set_limit(self, limit: int) -> None:
        """Keep at most `limit` bytes from now on; the results used longest ago go first."""
        with _TOUCHED:
            self._limit = limit
            self._shrink()

    def __len__(self) -> int:
        return len(self._results)

    def _shrink(self) -> None:
        while self._results and (self.used > self._limit or len(self._results) > MAX_RESULTS):
            self._drop(next(iter(self._results)))

    def _drop(self, key: str) -> None:
        self.used -= len(self._results.pop(key, b""))
