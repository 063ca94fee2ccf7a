"""How far an analysis is, told by the analysis itself; no answer depends on it.

Where nobody listens, telling does nothing. A worker listens while it computes, and passes on what it hears
a few times a second at most. All of this is for the one thread in which an engine runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY = 0.25
"""Seconds between two words, and before the first: what is done sooner tells nothing."""

Listener = Callable[[float, str], None]
"""Is given the share that is done, from 0 to 1, and the phase."""

_listener: Listener | None = None
_last = 0.0
_span = (0.0, 1.0)


def tell(done: float, total: float, phase: str) -> None:
    """Say how far this analysis is.

    Args:
        done: how much of the phase is done.
        total: how much there is of it, at least so much if that is not known; more than 0.
        phase: what is being done, in a word of which there are few.
    """
    global _last  # noqa: PLW0603 - one worker, one task
    if _listener is None or (now := time.monotonic()) - _last < EVERY:
        return
    _last = now
    low, high = _span
    _listener(low + (high - low) * min(max(done / total, 0.0), 1.0), phase)


@contextmanager
def within(low: float, high: float) -> Iterator[None]:
    """Let what is told here from 0 to 1 be this share, from `low` to `high`, of what is told around it."""
    global _span  # noqa: PLW0603 - as above
    outer = _span
    width = outer[1] - outer[0]
    _span = (outer[0] + low * width, outer[0] + high * width)
    try:
        yield
    finally:
        _span = outer


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let `listener` hear what is told here."""
    global _listener, _last  # noqa: PLW0603 - as above
    _listener, _last = listener, time.monotonic()
    try:
        yield
    finally:
        _listener = None
