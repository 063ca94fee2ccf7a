"""Tokens as a server asks for them, at every request: remembered, and forgotten when the store changes."""

from __future__ import annotations

import hashlib

from bioxen.protocol.tokens import Token
from bioxen.server.store.clock import now
from bioxen.server.store.store import Store
from bioxen.server.store.tokens import any_token, find_token

CAPACITY = 4096
"""Tokens remembered; unknown secrets are not, so that guessing fills nothing."""


class Keyring:
    """The tokens of a store, for the thread of one event loop.

    A token that another process revokes ends at once on SQLite, within a second on PostgreSQL (`Changes`).
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stamp = -1
        self._known: dict[bytes, Token] = {}
        self._any: bool | None = None

    async def find(self, secret: str) -> Token | None:
        """Return the token of this secret; `None` where it is unknown, revoked or expired."""
        stamp = self._fresh()
        key = hashlib.sha256(secret.encode()).digest()
        token = self._known.get(key)
        if token is not None:
            return None if token.expires_at is not None and token.expires_at <= now() else token
        token = await self._store.read(find_token, secret)
        # Where the store changed while it was read, the answer may be older than the change.
        if token is not None and stamp == self._stamp and len(self._known) < CAPACITY:
            self._known[key] = token
        return token

    async def is_used(self) -> bool:
        """Return whether the store has a token that was not revoked."""
        stamp = self._fresh()
        if self._any is not None:
            return self._any
        found = await self._store.read(any_token)
        if stamp == self._stamp:
            self._any = found
        return found

    def _fresh(self) -> int:
        """Forget what may have changed; return the store's stamp."""
        stamp = self._store.changes.stamp()
        if stamp != self._stamp:
            self._stamp, self._any = stamp, None
            self._known.clear()
        return stamp
