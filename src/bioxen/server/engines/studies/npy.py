"""Arrays as files in NumPy's own format, which `numpy.load` reads and may map into memory."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from bioxen.protocol.kinetic import ArrayReference, NumberArray
from bioxen.server.engines.studies.arrays import Array, Writer, cleaned

Keep = Callable[[bytes, memoryview], ArrayReference]
"""Keeps a file, given as its header and its numbers."""


def keeper(keep: Keep) -> Writer:
    """Return what keeps arrays as files, and writes where they are."""

    def write(array: Array) -> NumberArray:
        clean = cleaned(array)
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f8", "fortran_order": False, "shape": clean.shape}
        )
        numbers = clean.reshape(-1).view(np.uint8).data
        return NumberArray(shape=list(clean.shape), reference=keep(header.getvalue(), numbers))

    return write
