"""Opening a database, and bringing its schema up to date."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError

from bioxen.errors import ConfigurationError
from bioxen.server.store.faults import DAMAGED_STATES, damaged, state_of

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_TIMEOUT = 30.0
"""Seconds one writer waits for another."""
READING = "bioxen_reading"
"""The execution option of a connection that only reads."""


def open_database(url: str, *, check: bool = False) -> Engine:
    """Return an engine for the database at `url`, its schema up to date.

    Args:
        url: as SQLAlchemy writes it: `sqlite:////path/bioxen.db`, `postgresql+psycopg://user@host/name`.
        check: whether the whole of an SQLite database is read to see that no page of it is damaged.

    Raises:
        ConfigurationError: the URL is none, its driver is missing, the database cannot be opened, or a newer
            BioXen wrote it.
        ServiceUnavailableError: it is damaged.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            engine = _sqlite(parsed)
            if check:
                _check_pages(engine)
            return _upgraded(engine)
        return _upgraded(create_engine(parsed, pool_pre_ping=True))
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise _refused(url, str(error)) from error
    except DBAPIError as error:
        raise _refused(url, str(error.orig)) from error
    except OSError as error:
        raise _refused(url, str(error)) from error


def reading(engine: Engine) -> Connection:
    """Return a connection that reads: what it sees is of one moment, and no writer waits for it."""
    options: dict[str, Any] = {READING: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return engine.connect().execution_options(**options)


def keep_others_out(connection: Connection, table: str) -> None:
    """Let no other transaction use a table until this one ends; on SQLite none writes beside it anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"lock table {table} in access exclusive mode")


class Changes:
    """Tells cheaply whether the database may have changed, by whatever process.

    SQLite says it at once. Elsewhere there is no such word: there it may have changed every `AGE` seconds.
    """

    AGE = 1.0

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.raw_connection() if engine.dialect.name == "sqlite" else None
        self._cursor = self._connection.cursor() if self._connection is not None else None

    def stamp(self) -> int:
        """Return a number that is another one after a change; in one thread only."""
        if self._cursor is None:
            return int(time.monotonic() / self.AGE)
        self._cursor.execute("PRAGMA data_version")
        (stamp,) = self._cursor.fetchall()[0]
        return int(stamp)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()


def _sqlite(url: URL) -> Engine:
    if url.database and url.database != ":memory:":
        # What owners keep is theirs: a folder that is made here is nobody else's on this machine.
        Path(url.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    """Readers do not wait for the writer (WAL), and what was accepted is on the disk (FULL).

    The driver is kept from opening transactions of its own, which would be deferred ones.
    """
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Take the write lock at once: a deferred transaction that turns to writing fails where others write.

    One that only reads takes none: it waits for no writer, and no writer for it.
    """
    reads = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reads else "BEGIN IMMEDIATE")


def _check_pages(engine: Engine) -> None:
    """Read every page and compare each index with its table; about 50 MB a second."""
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check(3)").scalars().all()
    except DatabaseError as error:
        if not state_of(error).startswith(DAMAGED_STATES):
            raise
        raise damaged(str(error.orig)) from error
    except UnicodeDecodeError as error:  # what is damaged is a name in the schema, and SQLite quotes it
        raise damaged("a name in its schema is no text") from error
    if found != ["ok"]:
        raise damaged("; ".join(found).replace("\n", "; "))


def _upgraded(engine: Engine) -> Engine:
    try:
        _upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _upgrade(engine: Engine) -> None:
    known = revisions()
    with engine.begin() as connection:
        present = _revision(connection)
        if present is not None and present not in known:
            raise ConfigurationError(
                f"The store has the schema {present}, which this BioXen does not know.",
                details={
                    "place": "store",
                    "remedy": "A newer BioXen wrote it: install that one, or a newer one.",
                },
            )
        if present != known[-1]:
            from alembic import command  # late: most starts migrate nothing, and it takes a while
            from alembic.config import Config

            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def revisions() -> list[str]:
    """Return the schemas that this version knows, the newest last; files of migrations begin with it."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    """Return the schema that a database has; `None` for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("select version_num from alembic_version").scalar()


def _refused(url: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The store {_without_password(url)!r} cannot be opened: {why}.",
        details={
            "place": "store",
            "remedy": "Give a folder, or postgresql+psycopg://user@host/name with bioxen[postgres].",
        },
    )


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url
