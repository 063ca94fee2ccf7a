"""The id of the request that is being worked on: from its sender, through every service, into the logs."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

from bioxen.server.within import Within

HEADER = "X-Request-ID"
_FORM = re.compile(r"[A-Za-z0-9_.:/+=@-]{1,128}")
_current: ContextVar[str] = ContextVar("bioxen_request_id", default="")


def current() -> str:
    """Return the id of the request this code works for; empty where it works for none."""
    return _current.get()


def headers() -> dict[str, str]:
    """Return the header that hands the id on."""
    name = current()
    return {HEADER: name} if name else {}


def accepted(given: str | None) -> str:
    """Return the id that a sender gave, or a new one where it gave none that fits into a line of a log."""
    return given if given is not None and _FORM.fullmatch(given) else secrets.token_hex(8)


def named(request_id: str) -> Within[str]:
    """Work under this id."""
    return Within(_current, request_id)
