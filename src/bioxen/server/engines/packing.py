"""Arrays of numbers in the two forms they travel in: nested lists, and one compressed text."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_numbers(values: NDArray[np.float64]) -> list[Any]:
    """Return nested lists with `None` in the place of NaN."""
    plain = values.astype(object)
    plain[np.isnan(values)] = None
    found: list[Any] = plain.tolist()
    return found


def pack(values: NDArray[np.float64]) -> str:
    """Return base64 of the zlib-compressed float64, little-endian.

    Few of the numbers of a study are distinct, so that already the fastest level makes them forty times less.
    """
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values, "<f8").tobytes(), 1)).decode()


def unpack(matrix: dict[str, Any]) -> NDArray[np.float64]:
    """Return the numbers of a `DeletionMatrix` (plain data, either form): rows × columns, NaN for null."""
    shape = len(matrix["ids_a"]), len(matrix["ids_b"])
    if matrix["packed"] is None:
        return np.array(matrix["growth"], dtype=float).reshape(shape)
    return np.frombuffer(zlib.decompress(base64.b64decode(matrix["packed"])), "<f8").reshape(shape)
