"""The database: its schema is what the tables say, and a wrong one is refused with words."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from tests.server.stores import store_at, url_of

from bioxen.errors import ConfigurationError
from bioxen.server.store.database import open_database
from bioxen.server.store.owners import add_owner, list_owners
from bioxen.server.store.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_knows(tmp_path: Path) -> None:
    engine = open_database(url_of(tmp_path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'a.db'}"
    open_database(url).dispose()
    content = (tmp_path / "deep" / "a.db").read_bytes()
    open_database(url).dispose()
    assert (tmp_path / "deep" / "a.db").read_bytes() == content


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    url = url_of(tmp_path)
    engine = open_database(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    engine.dispose()
    with pytest.raises(ConfigurationError, match="schema 9999") as caught:
        open_database(url)
    assert "newer BioXen" in (caught.value.remedy or "")


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x/y", "sqlite:////proc/nowhere/a.db"])
def test_a_url_that_cannot_be_opened_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be opened") as caught:
        open_database(url)
    assert caught.value.place == "store"


def test_one_server_at_a_time_works_on_a_store_and_commands_beside_it(tmp_path: Path) -> None:
    first = store_at(tmp_path).open()
    second = store_at(tmp_path)
    with pytest.raises(ConfigurationError, match="Another server works on the store") as caught:
        second.open()
    assert caught.value.place == "store"
    beside = store_at(tmp_path).open(alone=False)
    beside.write_now(add_owner, "ada")
    beside.close()
    first.close()
    second.open()
    assert second.read_now(list_owners) == ["ada"]
    second.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(ConfigurationError, match="not a database"):
        open_database(f"sqlite:///{path}")
