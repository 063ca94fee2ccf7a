"""The store: one database for what is small and must be found, one folder for what is large.

Every write is done whole or not at all, on one thread (SQLite has one writer anyway), so the event loop never
waits for a disk. Writes that wait together become durable together; what a call returned from is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import platformdirs
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from bioxen.errors import ConfigurationError
from bioxen.server.store.blobs import Blobs
from bioxen.server.store.database import Changes, open_database, reading
from bioxen.server.store.faults import in_words
from bioxen.server.store.hold import hold

T = TypeVar("T")
P = ParamSpec("P")
READERS = 4
MOST_TOGETHER = 64
"""Changes in one transaction."""


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
        self._engine = open_database(self._url, check=alone)
        try:
            self._hold = hold(self._engine, self._folder) if alone else None
        except ConfigurationError:
            self._engine.dispose()
            raise
        self.changes = Changes(self._engine)
        self.blobs = Blobs(self._folder)
        self._writer = ThreadPoolExecutor(1, "bioxen-store-writer")
        self._waiting: deque[tuple[Callable[[Connection], Any], Future[Any]]] = deque()
        self._readers = ThreadPoolExecutor(READERS, "bioxen-store-reader")
        return self

    async def write(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return what `change(connection, …)` returns, once its transaction is on the disk.

        An error undoes all of it. A caller that is cancelled leaves; the change goes on to its end.

        Raises:
            ResourceExhaustionError, ServiceUnavailableError: the disk is full, or out of order.
        """
        outcome: Future[T] = Future()
        self._waiting.append((lambda connection: change(connection, *arguments, **named), outcome))
        self._writer.submit(self._write_waiting)
        with in_words():
            return await asyncio.shield(asyncio.wrap_future(outcome))

    async def read(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Return what `query(connection, …)` returns."""
        call = partial(self.read_now, query, *arguments, **named)
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._readers, call))

    def write_now(
        self, change: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Do what `write` does, in this thread."""
        with in_words(), self._engine.begin() as connection:
            return change(connection, *arguments, **named)

    def read_now(
        self, query: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Do what `read` does, in this thread."""
        with in_words(), reading(self._engine) as connection:
            return query(connection, *arguments, **named)

    def _write_waiting(self) -> None:
        """Make every change that waits in one transaction: the disk is waited for once, not once a change."""
        batch: list[tuple[Callable[[Connection], Any], Future[Any]]] = []
        while self._waiting and len(batch) < MOST_TOGETHER:
            batch.append(self._waiting.popleft())
        if not batch:
            return  # an earlier call made it
        ends: list[Callable[[], None]] = []
        try:
            with self._engine.begin() as connection:
                for change, outcome in batch:
                    ends.append(_made(connection, change, outcome))
        except BaseException as error:  # nothing of it is on the disk, so nobody is told otherwise
            for _, outcome in batch:
                outcome.set_exception(error)
            return
        for end in ends:
            end()

    async def keep(self, content: bytes) -> str:
        """Write a file of this content; return its sha256.

        Raises:
            ResourceExhaustionError, ServiceUnavailableError: the disk is full, or cannot be written.
        """
        with in_words():
            return await asyncio.to_thread(self.blobs.write, content)

    async def fetch(self, digest: str) -> bytes:
        """Return the content of that sha256; see `Blobs.read`."""
        with in_words():
            return await asyncio.to_thread(self.blobs.read, digest)

    def beside(self, name: str) -> Path:
        """Return where a file of that name is, beside what is large; it may be lost without harm."""
        return self._folder.parent / name

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


def _made(
    connection: Connection, change: Callable[[Connection], Any], outcome: Future[Any]
) -> Callable[[], None]:
    """Make one change of several; return what tells its end. An error undoes that change alone."""
    try:
        with connection.begin_nested():
            result = change(connection)
    except OperationalError:
        raise  # of the database, not of the change: a full disk, say
    except BaseException as error:
        return partial(outcome.set_exception, error)
    return partial(outcome.set_result, result)


def default_folder() -> Path:
    """Return `$BIOXEN_HOME/store`, or the platform's place for a user's data."""
    home = os.environ.get("BIOXEN_HOME")
    return (Path(home) if home else Path(platformdirs.user_data_dir("bioxen"))) / "store"
