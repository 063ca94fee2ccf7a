"""Who wants to hear how far a computation is: from whoever asks for it, through every call, to its task."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from bioxen.protocol.services import TaskProgress

Hear = Callable[[TaskProgress], None]
_listener: ContextVar[Hear | None] = ContextVar("bioxen_hearing", default=None)


def current() -> Hear | None:
    """Return who is to be told how far what this code works for is; nobody, as a rule."""
    return _listener.get()


def listen(listener: Hear) -> None:
    """Hear how far computations are that are asked for in this asyncio task from now on."""
    _listener.set(listener)
