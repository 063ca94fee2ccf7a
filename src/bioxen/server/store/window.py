"""How long computing time counts, for owners and for cells."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

WINDOW = timedelta(hours=24)


def until_older(first: str | None) -> float:
    """Return the seconds until something that was computed at `first` is a day old; at least 1."""
    if first is None:
        return 0.0
    left = datetime.fromisoformat(first) + WINDOW - datetime.now(UTC)
    return float(math.ceil(max(1.0, left.total_seconds())))
