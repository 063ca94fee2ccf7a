"""The records of tokens: their hashes, never the secrets."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from bioxen.errors import ConfigurationError
from bioxen.protocol.tokens import NewToken, Scope, Token
from bioxen.server.store.clock import now
from bioxen.server.store.owners import add_owner
from bioxen.server.store.tables import tokens

PREFIX = "bx_"
"""So that a secret that leaked is recognised for what it is."""


def create_token(
    connection: Connection,
    owner: str,
    name: str,
    scopes: Sequence[Scope],
    expires_at: str | None = None,
) -> NewToken:
    """Make a token for an owner, who is noted where unknown."""
    add_owner(connection, owner)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(
        token_id=secrets.token_hex(6),
        owner=owner,
        name=name,
        scopes=list(scopes),
        created_at=now(),
        expires_at=expires_at,
        revoked_at=None,
    )
    connection.execute(
        insert(tokens).values(
            token_id=token.token_id,
            owner_id=owner,
            secret_digest=_digest(secret),
            name=name,
            scopes=json.dumps(token.scopes),
            created_at=token.created_at,
            expires_at=expires_at,
        )
    )
    return NewToken(token=token, secret=secret)


def find_token(connection: Connection, secret: str) -> Token | None:
    """Return the token of this secret; `None` where it is unknown, revoked or expired."""
    row = connection.execute(select(tokens).where(tokens.c.secret_digest == _digest(secret))).first()
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= now():
        return None
    return _token(row)


def any_token(connection: Connection) -> bool:
    """Return whether there is a token that was not revoked."""
    query = select(tokens.c.token_id).where(tokens.c.revoked_at.is_(None)).limit(1)
    return connection.execute(query).first() is not None


def list_tokens(connection: Connection, owner: str | None = None) -> list[Token]:
    """Return the tokens of an owner, or of all, the oldest first."""
    query = select(tokens).order_by(tokens.c.created_at)
    if owner is not None:
        query = query.where(tokens.c.owner_id == owner)
    return [_token(row) for row in connection.execute(query)]


def revoke_token(connection: Connection, token_id: str) -> Token:
    """End a token at once; one that has ended stays as it is.

    Raises:
        ConfigurationError: there is none of that id.
    """
    connection.execute(
        update(tokens)
        .where(tokens.c.token_id == token_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=now())
    )
    row = connection.execute(select(tokens).where(tokens.c.token_id == token_id)).first()
    if row is None:
        raise ConfigurationError(
            f"There is no token {token_id!r}.",
            details={"place": "token_id", "remedy": "`bioxen token list` shows the tokens and their ids."},
        )
    return _token(row)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _token(row: Row[Any]) -> Token:
    return Token(
        token_id=row.token_id,
        owner=row.owner_id,
        name=row.name,
        scopes=json.loads(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
