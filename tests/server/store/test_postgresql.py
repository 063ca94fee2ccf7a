"""What is PostgreSQL's own; all else of the store is tested alike on both, see `tests.server.stores`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import make_url
from tests.server.stores import SERVER, VARIABLE, store_at, url_of

from bioxen.errors import ConfigurationError
from bioxen.server.store.database import open_database
from bioxen.server.store.keyring import Keyring
from bioxen.server.store.tokens import create_token, revoke_token

pytestmark = pytest.mark.skipif(
    SERVER is None,
    reason=os.environ.get(f"{VARIABLE}_MISSING", "no PostgreSQL; `make test-postgres` starts one"),
)


def test_the_tests_run_on_postgresql(tmp_path: Path) -> None:
    store = store_at(tmp_path).open()
    words = store.read_now(lambda connection: connection.exec_driver_sql("select version()").scalar())
    assert str(words).startswith("PostgreSQL")
    store.close()


def test_what_reads_cannot_write(tmp_path: Path) -> None:
    store = store_at(tmp_path).open()
    with pytest.raises(Exception, match="read-only transaction"):
        store.read_now(lambda connection: connection.exec_driver_sql("delete from owners"))
    store.close()


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path: Path) -> None:
    url = make_url(url_of(tmp_path)).set(query={"host": str(tmp_path)}, password="geheim")
    with pytest.raises(ConfigurationError, match="cannot be opened") as caught:
        open_database(url.render_as_string(hide_password=False))
    assert "geheim" not in str(caught.value)


def test_a_token_that_another_process_revokes_ends_within_a_second(tmp_path: Path) -> None:
    async def main() -> None:
        store, beside = store_at(tmp_path).open(), store_at(tmp_path).open(alone=False)
        made = beside.write_now(create_token, "ada", "laptop", ["jobs"])
        keyring = Keyring(store)
        assert await keyring.find(made.secret) is not None
        beside.write_now(revoke_token, made.token.token_id)
        await asyncio.sleep(1.1)
        assert await keyring.find(made.secret) is None
        beside.close()
        store.close()

    asyncio.run(main())
