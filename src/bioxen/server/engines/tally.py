"""Counts of a worker's fallbacks on the way to answers, by kind and reason; no answer depends on them.

The worker sends them along with the next answer, and `/metrics` adds them up.
"""

from __future__ import annotations

from collections import Counter

_counts: Counter[str] = Counter()


def count(kind: str, reason: str, times: int = 1) -> None:
    """Count something of this process.

    Args:
        kind: what fell back: `kernel`, `integrator` or `lanes`.
        reason: why, in words of which there are few.
        times: how often.
    """
    _counts[f"{kind}: {reason}"] += times


def take() -> dict[str, int]:
    """Return what was counted since the last time, by `kind: reason`."""
    if not _counts:
        return {}
    taken = dict(_counts)
    _counts.clear()
    return taken
