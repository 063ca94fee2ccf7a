"""API tokens on the wire: who may do what. The secret is shown once, when the token is made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bioxen.protocol.base import Message

Scope = Literal["compute", "cells", "jobs", "models", "admin"]
"""`compute`: ask processes; `cells`, `jobs`, `models`: keep such; `admin`: tokens and services."""
SCOPES: tuple[Scope, ...] = ("compute", "cells", "jobs", "models", "admin")
OwnerName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.\-]+$")]


class Token(Message):
    """A token without its secret."""

    token_id: str
    owner: str
    name: str
    scopes: list[Scope]
    created_at: str
    """ISO 8601, UTC."""
    expires_at: str | None
    revoked_at: str | None


class NewToken(Message):
    """A token just made, with its secret."""

    token: Token
    secret: str
    """What requests bring as `Authorization: Bearer …`. It is not kept, and cannot be shown again."""
