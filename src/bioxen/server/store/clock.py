"""The time as the store writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the time as ISO 8601 in UTC to the microsecond: such texts sort like times."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
