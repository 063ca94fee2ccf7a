"""Whether an answer must be computed now: a replay that was given a kept answer would prove nothing.

Between services this travels as `Cache-Control: no-cache` (RFC 9111), which clients may send as well.
"""

from __future__ import annotations

from contextvars import ContextVar

from bioxen.server.within import Within

HEADER = "Cache-Control"
FRESH = "no-cache"
_wanted: ContextVar[bool] = ContextVar("bioxen_fresh", default=False)


def is_wanted() -> bool:
    """Return whether what this code works for must not come from a cache."""
    return _wanted.get()


def headers() -> dict[str, str]:
    """Return the header that says so to the next service."""
    return {HEADER: FRESH} if is_wanted() else {}


def accepted(given: str | None) -> bool:
    """Return whether a sender's `Cache-Control` asks for an answer that is computed now."""
    return FRESH in (word.strip().lower() for word in (given or "").split(","))


def wanted(is_so: bool = True) -> Within[bool]:
    """Compute what is asked for in this block; where `is_so` is false nothing changes."""
    return Within(_wanted, is_so or is_wanted())
