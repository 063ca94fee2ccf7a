"""Whether work may wait for other work: parts of large requests and of jobs are done in the background.

A single request takes a millisecond and somebody waits for it; it goes before the parts that wait. Between
services this travels as RFC 9218's `Priority`, whose urgencies go from 0 (first) to 7; 3 is the usual one.
"""

from __future__ import annotations

import re
from contextvars import ContextVar

from bioxen.server.within import Within

HEADER = "Priority"
BACKGROUND, USUAL = 6, 3
_FORM = re.compile(r"(?:^|,)\s*u=([0-7])(?=\s*(?:,|;|$))")
_background: ContextVar[bool] = ContextVar("bioxen_background", default=False)


def is_background() -> bool:
    """Return whether what this code works for may wait."""
    return _background.get()


def headers() -> dict[str, str]:
    """Return the header that says so to the next service."""
    return {HEADER: f"u={BACKGROUND}"} if is_background() else {}


def accepted(given: str | None) -> bool:
    """Return whether a sender's `Priority` lets its request wait; one that says nothing does not."""
    found = _FORM.search(given or "")
    return found is not None and int(found[1]) > USUAL


def background(wanted: bool = True) -> Within[bool]:
    """Work in the background, or not."""
    return Within(_background, wanted)
