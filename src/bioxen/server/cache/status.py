"""Where an answer came from: noted where it is found, told in the `Cache-Status` header (RFC 9211)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

HEADER = "Cache-Status"
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
    """Where the parts of an answer came from, together: a hit is one where every part is."""

    origin: Origin | None = None

    def header(self) -> dict[str, str]:
        """Return the header that tells it."""
        return {HEADER: _WORDS[self.origin]} if self.origin else {}


_seen: ContextVar[Seen | None] = ContextVar("bioxen_cache_status", default=None)


@contextmanager
def watching() -> Iterator[Seen]:
    """Give what the answers to requests in this block say; tasks that they start count too."""
    seen = Seen()
    token = _seen.set(seen)
    try:
        yield seen
    finally:
        _seen.reset(token)


def note(origin: Origin) -> None:
    """Note where an answer, or a part of one, came from."""
    seen = _seen.get()
    if seen is not None:
        known = origin if seen.origin is None else seen.origin
        seen.origin = min(known, origin, key=_WEAKEST.index)


def note_header(value: str | None) -> None:
    """Note what another service's header says."""
    for origin, words in _WORDS.items():
        if value == words:
            note(origin)
