"""Where an answer came from, and what it took: noted where it is found, and told in headers.

`Cache-Status` (RFC 9211) has the one, `Server-Timing` the other; so bodies stay equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from bioxen.server.within import Within

HEADER = "Cache-Status"
TIMING = "Server-Timing"
BUSY = "worker;dur="
NAME = "bioxen"
Origin = Literal["hit", "miss", "shared", "off"]
"""`shared`: computed for an equal request that was under way; `off`: nothing is kept."""
_WORDS: dict[Origin, str] = {
    "hit": f"{NAME}; hit",
    "miss": f"{NAME}; fwd=miss",
    "shared": f"{NAME}; fwd=miss; collapsed",
    "off": f"{NAME}; fwd=bypass",
}
_WEAKEST: tuple[Origin, ...] = ("off", "miss", "shared", "hit")


@dataclass(slots=True)
class Seen:
    """What is known of the parts of an answer, together."""

    origin: Origin | None = None
    """Where they came from; a hit where every part is one, and null where nobody said."""
    seconds: float = 0.0
    """How long workers were busy with them, s."""

    def headers(self, seconds: float) -> dict[str, str]:
        """Return the headers that tell it, for an answer that took `seconds` in all."""
        timing = f"compute;dur={seconds * 1000:.3f}, {BUSY}{self.seconds * 1000:.3f}"
        return {TIMING: timing, **({HEADER: _WORDS[self.origin]} if self.origin else {})}


_seen: ContextVar[Seen | None] = ContextVar("bioxen_cache_status", default=None)


def watching() -> Within[Seen]:
    """Give what the answers to requests in this block say; tasks that they start count too."""
    return Within(_seen, Seen())


def note(origin: Origin) -> None:
    """Note where an answer, or a part of one, came from."""
    seen = _seen.get()
    if seen is not None:
        known = origin if seen.origin is None else seen.origin
        seen.origin = min(known, origin, key=_WEAKEST.index)


def tell(seen: Seen) -> None:
    """Note what was seen of parts of an answer in a block of their own."""
    if seen.origin is not None:
        note(seen.origin)
    add_seconds(seen.seconds)


def add_seconds(seconds: float) -> None:
    """Note how long a worker was busy with an answer, or a part of one."""
    seen = _seen.get()
    if seen is not None:
        seen.seconds += seconds


def note_headers(headers: Mapping[str, str]) -> None:
    """Note what another service's headers say."""
    value = headers.get(HEADER)
    for origin, words in _WORDS.items():
        if value == words:
            note(origin)
    _, found, milliseconds = headers.get(TIMING, "").partition(BUSY)
    if found:
        with suppress(ValueError):
            add_seconds(float(milliseconds) / 1000)
