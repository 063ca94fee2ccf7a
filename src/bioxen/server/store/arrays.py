"""Arrays that results refer to, as files."""

from __future__ import annotations

from bioxen.protocol.kinetic import ArrayReference
from bioxen.server.store.faults import in_words
from bioxen.server.store.results import record_array
from bioxen.server.store.store import Store


class StoredArrays:
    """The arrays of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(self, header: bytes, numbers: memoryview) -> ArrayReference:
        """Keep a file of NumPy's, on the disk when this returns.

        Raises:
            ResourceExhaustionError, ServiceUnavailableError: the disk is full, or cannot be written.
        """
        with in_words():
            digest, size = self._store.blobs.write_parts([header, numbers]), len(header) + len(numbers)
        self._store.write_now(record_array, digest, size)
        return ArrayReference(digest=digest, size=size, path=f"/arrays/{digest}")
