"""How far the drivers are, seen from what they have written: they run without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from bioxen.server.engines import progress

_LOOKED_AT = 1000
"""Members that are looked at, spread over all: drivers take members in their order."""


@contextmanager
def watched(values: NDArray[np.float64]) -> Iterator[None]:
    """Tell how much of `values`, [members][points][states], a driver has written that runs here."""
    if not progress.closely() or not values.size:
        yield
        return
    seen = values[:: max(1, len(values) // _LOOKED_AT), :, 0]
    seen[...] = np.nan
    with progress.watched(lambda: share_of(seen), "members" if len(values) > 1 else "time"):
        yield


def share_of(seen: NDArray[np.float64]) -> float:
    """Return which share of the numbers is there already."""
    return 1.0 - float(np.isnan(seen).mean())
