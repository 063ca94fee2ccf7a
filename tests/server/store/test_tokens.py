"""Tokens: a secret speaks for its owner until it ends; nobody can read it out of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from tests.server.stores import store_at

from bioxen.errors import ConfigurationError
from bioxen.server.store.store import Store
from bioxen.server.store.tables import metadata
from bioxen.server.store.tokens import create_token, find_token, list_tokens, revoke_token


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = store_at(tmp_path).open()
    yield store
    store.close()


def test_a_secret_finds_its_token_until_it_is_revoked(store: Store) -> None:
    made = store.write_now(create_token, "ada", "laptop", ["compute", "jobs"])
    assert store.read_now(find_token, made.secret) == made.token
    assert store.read_now(find_token, made.secret + "x") is None
    ended = store.write_now(revoke_token, made.token.token_id)
    assert ended.revoked_at is not None
    assert store.write_now(revoke_token, made.token.token_id) == ended
    assert store.read_now(find_token, made.secret) is None


def test_a_token_ends_when_it_said(store: Store) -> None:
    past = store.write_now(create_token, "ada", "old", ["jobs"], "2020-01-01T00:00:00+00:00")
    future = store.write_now(create_token, "ada", "new", ["jobs"], "2999-01-01T00:00:00+00:00")
    assert store.read_now(find_token, past.secret) is None
    assert store.read_now(find_token, future.secret) == future.token


def test_the_store_does_not_hold_the_secret(store: Store) -> None:
    made = store.write_now(create_token, "ada", "laptop", ["compute"])

    def everything(connection: Connection) -> str:
        return "".join(
            repr(row) for table in metadata.sorted_tables for row in connection.execute(select(table))
        )

    content = store.read_now(everything)
    assert made.token.token_id in content
    assert made.secret.removeprefix("bx_") not in content


def test_lists_are_an_owners_own(store: Store) -> None:
    for owner in ("ada", "bob"):
        store.write_now(create_token, owner, "laptop", ["compute"])
    assert [token.owner for token in store.read_now(list_tokens, "bob")] == ["bob"]
    assert len(store.read_now(list_tokens)) == 2


def test_a_token_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="no token 'nope'"):
        store.write_now(revoke_token, "nope")
