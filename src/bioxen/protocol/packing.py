"""Numbers as one text: base64 of little-endian float64, which may be compressed; NaN stands for null."""

from __future__ import annotations

import base64
import math
import sys
import zlib
from array import array


def decode(text: str) -> list[float | None]:
    """Return the numbers in base64, with `None` in the place of NaN."""
    return _numbers(base64.b64decode(text))


def unpack_rows(packed: str, width: int) -> list[list[float | None]]:
    """Return the rows of a table compressed by zlib, `width` numbers each, with `None` for NaN."""
    plain = _numbers(zlib.decompress(base64.b64decode(packed)))
    return [plain[begin : begin + width] for begin in range(0, len(plain), width)]


def _numbers(data: bytes) -> list[float | None]:
    flat = array("d", data)
    if sys.byteorder == "big":
        flat.byteswap()
    return [None if math.isnan(value) else value for value in flat]
