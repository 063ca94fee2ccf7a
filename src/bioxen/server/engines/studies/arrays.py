"""Arrays as messages, and back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.kinetic import Encoding, NumberArray

Array = NDArray[np.float64]
Writer = Callable[[Array], NumberArray]
"""How an array becomes a message."""


def writer(encoding: Encoding) -> Writer:
    """Return what writes arrays in an encoding; references need a store, which is not here: base64."""
    return partial(written, encoding=encoding)


def written(array: Array, encoding: Encoding) -> NumberArray:
    """Return `array` as a message; what is not finite becomes null, or NaN in base64."""
    shape, clean = list(array.shape), cleaned(array)
    if encoding != "numbers":
        return NumberArray(shape=shape, base64=base64.b64encode(clean.tobytes()).decode())
    flat = clean.ravel()
    plain: list[float] = flat.tolist()
    numbers: list[float | None] = [*plain]
    if np.isnan(flat).any():
        numbers = [None if value != value else value for value in plain]  # noqa: PLR0124 - NaN alone differs
    return NumberArray(shape=shape, numbers=numbers)


def cleaned(array: Array) -> Array:
    """Return `array` as contiguous little-endian float64, with NaN for whatever is not finite."""
    plain = np.ascontiguousarray(array, "<f8")
    finite = np.isfinite(plain)
    return plain if finite.all() else np.where(finite, plain, np.nan)


def read(message: Mapping[str, Any]) -> Array:
    """Return the array of a `NumberArray` as plain data, in one of the forms that hold numbers."""
    shape = message["shape"]
    if message.get("base64") is not None:
        return (
            np.frombuffer(base64.b64decode(message["base64"]), dtype="<f8")
            .reshape(shape)
            .astype(float, copy=False)
        )
    numbers = np.array(message["numbers"], dtype=float)  # None becomes NaN
    return numbers.reshape(shape) if prod(shape) else np.zeros(shape)
