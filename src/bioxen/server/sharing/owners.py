"""For whom something is computed, where that is known: requests bring it, jobs and services have none."""

from __future__ import annotations

from contextvars import ContextVar

from bioxen.server.within import Within

ON_BEHALF = "bioxen.on_behalf"
"""Key of an ASGI scope: the owner for whom this process itself asks. No request can bring it."""
_owner: ContextVar[str | None] = ContextVar("bioxen_owner", default=None)


def current() -> str | None:
    """Return the owner for whom this code works."""
    return _owner.get()


def working_for(owner: str | None) -> Within[str | None]:
    """Work for an owner."""
    return Within(_owner, owner)
