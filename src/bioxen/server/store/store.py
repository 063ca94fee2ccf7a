"""The store: one database for what is small and must be found, one folder for what is large.

Every write is one transaction on one thread (SQLite has one writer anyway), so that the event loop never waits for
a disk; what a call has returned from is on the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, make_url

from bioxen.server.store.blobs import Blobs
from bioxen.server.store.database import open_database

T = TypeVar("T")
READERS = 4


class Store:
    """An open store.

    Args:
        url: the database, as SQLAlchemy writes it.
        folder: where large results are kept; beside an SQLite file where absent.
    """

    def __init__(self, url: str, folder: Path | None = None) -> None:
        self._engine: Engine = open_database(url)
        self.blobs = Blobs(folder or _beside(url))
        self._writer = ThreadPoolExecutor(1, "bioxen-store-writer")
        self._readers = ThreadPoolExecutor(READERS, "bioxen-store-reader")

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Open the SQLite store of `folder`, made where it is missing."""
        return cls(f"sqlite:///{folder.resolve() / 'bioxen.db'}", folder.resolve() / "results")

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Return what `change` returns, once its transaction is on the disk; an error undoes all of it.

        It is not abandoned half-way: a caller that is cancelled leaves, the change goes on.
        """
        return await self._on(self._writer, lambda: self.write_now(change))

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Return what `query` returns."""
        return await self._on(self._readers, lambda: self.read_now(query))

    def write_now(self, change: Callable[[Connection], T]) -> T:
        """Do what `write` does, in this thread."""
        with self._engine.begin() as connection:
            return change(connection)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Do what `read` does, in this thread."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            return query(connection)

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
        self._engine.dispose()

    @staticmethod
    async def _on(threads: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(threads, call))


def _beside(url: str) -> Path:
    database = make_url(url).database
    if make_url(url).get_backend_name() != "sqlite" or not database or database == ":memory:":
        raise ValueError(f"the store {url} has no folder of its own: give one for its results")
    return Path(database).resolve().parent / "results"
