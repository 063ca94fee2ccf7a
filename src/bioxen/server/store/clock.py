"""Times as the store writes them: ISO 8601 in UTC to the microsecond, so that the texts sort like times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def now() -> str:
    """Return the time."""
    return written(datetime.now(UTC))


def ago(time: timedelta) -> str:
    """Return when it was that long before now."""
    return written(datetime.now(UTC) - time)


def written(moment: datetime) -> str:
    """Return a moment as the store writes it."""
    return moment.isoformat(timespec="microseconds")
