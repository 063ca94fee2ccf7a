"""One server at a time works on a store: the operating system, or the database, keeps the others out.

Either lock ends with the process that holds it, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine

from bioxen.errors import ConfigurationError

LOCK_NUMBER = 0x42696F58656E
"""The advisory lock of PostgreSQL that stands for a store: "BioXen" in ASCII."""
FORGETTING = 2.0
"""Seconds in which PostgreSQL has noticed that a client on the same machine was killed."""


class Hold(Protocol):
    """A lock that is held."""

    def release(self) -> None:
        """Let others have the store."""
        ...


def hold(engine: Engine, folder: Path) -> Hold:
    """Take the store for this process.

    Raises:
        ConfigurationError: another one has it.
    """
    if engine.dialect.name == "postgresql":
        return _Advisory(engine)
    return _LockFile(folder)


class _LockFile:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise _taken(str(folder.parent)) from None

    def release(self) -> None:
        """Let others have the store."""
        os.close(self._handle)


class _Advisory:
    def __init__(self, engine: Engine) -> None:
        self._connection: Connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        end = time.monotonic() + FORGETTING
        while not self._connection.exec_driver_sql(f"select pg_try_advisory_lock({LOCK_NUMBER})").scalar():
            if time.monotonic() > end:
                self._connection.close()
                raise _taken(engine.url.render_as_string())
            time.sleep(0.1)

    def release(self) -> None:
        """Let others have the store."""
        self._connection.invalidate()
        self._connection.close()


def _taken(where: str) -> ConfigurationError:
    return ConfigurationError(
        f"Another server works on the store {where}.",
        details={
            "place": "store",
            "remedy": "Stop that one, or give this one a store of its own with --store.",
        },
    )
