"""Where tests keep a store: SQLite in their folder, or a database of its own on a PostgreSQL server.

`make test-postgres` starts one and names it in `BIOXEN_TEST_DATABASE`; the same tests then run against it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sqlalchemy import create_engine, make_url

from bioxen.server.store.store import Store

VARIABLE = "BIOXEN_TEST_DATABASE"
SERVER = os.environ.get(VARIABLE)
"""The URL of a PostgreSQL server where databases may be made; `None` to use SQLite."""


def url_of(folder: Path, file: str = "bioxen.db") -> str:
    """Return the URL of the database that belongs to a folder; on PostgreSQL it is made at the first call."""
    if SERVER is None:
        return f"sqlite:///{folder / file}"
    name = "t" + hashlib.sha256(str(folder / file).encode()).hexdigest()[:20]
    administrator = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    with administrator.connect() as connection:
        query = "select 1 from pg_database where datname = %(name)s"
        if connection.exec_driver_sql(query, {"name": name}).first() is None:
            connection.exec_driver_sql(f"create database {name}")
    administrator.dispose()
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


def store_at(folder: Path) -> Store:
    """Return the store that belongs to a folder, not open yet; again the same one."""
    return Store(url_of(folder), folder / "results")


def place_of(folder: Path) -> str:
    """Return what `--store` is told of it; set BIOXEN_HOME as well, where results go beside PostgreSQL."""
    return str(folder) if SERVER is None else url_of(folder)
