"""The records of owners."""

from __future__ import annotations

import contextlib

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from bioxen.errors import ConfigurationError, did_you_mean
from bioxen.server.store.clock import now
from bioxen.server.store.tables import owners

LOCAL = "local"
"""Who asks over loopback without a token."""


def add_owner(connection: Connection, owner_id: str) -> None:
    """Note an owner; one that is known stays as it is."""
    if connection.execute(select(owners.c.owner_id).where(owners.c.owner_id == owner_id)).first():
        return
    values = {"owner_id": owner_id, "name": owner_id, "quotas": "{}", "created_at": now()}
    with contextlib.suppress(IntegrityError), connection.begin_nested():  # another server noted it just now
        connection.execute(insert(owners).values(values))


def require_owner(connection: Connection, owner_id: str) -> None:
    """Return where an owner is known.

    Raises:
        ConfigurationError: it is not.
    """
    known = list_owners(connection)
    if owner_id not in known:
        found = did_you_mean(owner_id, known)
        remedy = f"{found['remedy']} An owner is made with its first token: `bioxen token create {owner_id}`."
        raise ConfigurationError(
            f"There is no owner {owner_id!r}.", details={**found, "place": "owner", "remedy": remedy}
        )


def list_owners(connection: Connection) -> list[str]:
    """Return the owners that are known, by name."""
    return [row.owner_id for row in connection.execute(select(owners.c.owner_id).order_by(owners.c.owner_id))]
