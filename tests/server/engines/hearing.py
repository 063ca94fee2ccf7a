"""What engines tell of their progress, all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bioxen.server.engines import progress


def told(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> dict[str, list[float]]:
    """Return the fractions that `work` tells, by phase in the order they began."""
    monkeypatch.setattr(progress, "EVERY", 0.0)
    heard: dict[str, list[float]] = {}
    with progress.heard_by(lambda fraction, phase: heard.setdefault(phase, []).append(fraction)):
        work()
    return heard


def rises(*parts: list[float]) -> bool:
    """Return whether these follow each other without a step back, and move."""
    together = [fraction for part in parts for fraction in part]
    return together == sorted(together) and len(set(together)) > 1 and together[0] >= 0 and together[-1] <= 1
