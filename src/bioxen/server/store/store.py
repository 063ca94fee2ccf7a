"""The store: one database for what is small and must be found, one folder for what is large.

Every write is one transaction on one thread (SQLite has one writer anyway), so the event loop never waits for
a disk; what a call has returned from is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

import platformdirs
from sqlalchemy import Connection

from bioxen.server.store.blobs import Blobs
from bioxen.server.store.database import Changes, open_database
from bioxen.server.store.hold import hold

T = TypeVar("T")
P = ParamSpec("P")
READERS = 4


class Store:
    """A database, and a folder for large results.

    Args:
        url: the database, as SQLAlchemy writes it.
        folder: where large results are kept.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None

    @classmethod
    def at(cls, place: Path | str | None) -> Self:
        """Return the store at `place`: a folder, the URL of a database, or one that goes with this process.

        Beside a database that is elsewhere, large results are kept in the user's own folder.
        """
        if isinstance(place, str) and "://" in place:
            return cls(place, default_folder() / "results")
        if place is None:
            temporary = tempfile.TemporaryDirectory(prefix="bioxen-store-", ignore_cleanup_errors=True)
            store = cls.at(temporary.name)
            store._temporary = temporary
            return store
        folder = Path(place).resolve()
        return cls(f"sqlite:///{folder / 'bioxen.db'}", folder / "results")

    def open(self, *, alone: bool = True) -> Self:
        """Open it, made where it is missing, and bring its schema up to date.

        Args:
            alone: keep other servers out, as one that works on its jobs must; a command that reads or changes
                a few records beside a running server need not.

        Raises:
            ConfigurationError: see `open_database`; or another server holds it.
        """
        self._engine = open_database(self._url)
        self._hold = hold(self._engine, self._folder) if alone else None
        self.changes = Changes(self._engine)
        self.blobs = Blobs(self._folder)
        self._writer = ThreadPoolExecutor(1, "bioxen-store-writer")
        self._readers = ThreadPoolExecutor(READERS, "bioxen-store-reader")
        return self

    async def write(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return what `change(connection, …)` returns, once its transaction is on the disk.

        An error undoes all of it. A caller that is cancelled leaves; the change goes on to its end.
        """
        return await self._on(self._writer, lambda: self.write_now(change, *arguments, **named))

    async def read(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return what `query(connection, …)` returns."""
        return await self._on(self._readers, lambda: self.read_now(query, *arguments, **named))

    def write_now(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Do what `write` does, in this thread."""
        with self._engine.begin() as connection:
            return change(connection, *arguments, **named)

    def read_now(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Do what `read` does, in this thread."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return query(connection, *arguments, **named)

    async def keep(self, content: bytes) -> str:
        """Write a file of this content; return its sha256."""
        return await asyncio.to_thread(self.blobs.write, content)

    async def fetch(self, digest: str) -> bytes:
        """Return the content of that sha256; see `Blobs.read`."""
        return await asyncio.to_thread(self.blobs.read, digest)

    def close(self) -> None:
        """Finish what is being written, and close the database."""
        self._writer.shutdown()
        self._readers.shutdown()
        self.changes.close()
        self._engine.dispose()
        if self._hold is not None:
            self._hold.release()
        if self._temporary is not None:
            self._temporary.cleanup()

    @staticmethod
    async def _on(threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(threads, call))


def default_folder() -> Path:
    """Return `$BIOXEN_HOME/store`, or the platform's place for a user's data."""
    home = os.environ.get("BIOXEN_HOME")
    return (Path(home) if home else Path(platformdirs.user_data_dir("bioxen"))) / "store"
