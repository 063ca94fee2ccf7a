"""A table of numbers as one text: base64 of zlib-compressed little-endian float64, row after row."""

from __future__ import annotations

import base64
import math
import sys
import zlib
from array import array


def unpack_rows(packed: str, width: int) -> list[list[float | None]]:
    """Return the rows of a packed table, `width` numbers each, with `None` in the place of NaN."""
    flat = array("d", zlib.decompress(base64.b64decode(packed)))
    if sys.byteorder == "big":
        flat.byteswap()
    plain = [None if math.isnan(value) else value for value in flat]
    return [plain[begin : begin + width] for begin in range(0, len(plain), width)]
