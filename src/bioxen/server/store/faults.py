"""What the disk or the database cannot do now, in words for the person who asked."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from bioxen.errors import BioXenException, ResourceExhaustionError, ServiceUnavailableError

PLACE = "store"
RETRY = 5.0
"""Seconds after which whoever looks after the machine may have made room."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FULL_STATES = ("SQLITE_FULL", "53100")
DAMAGED_STATES = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002")
NO_TEXT = "Could not decode to UTF-8"
"""Python's own words, which have no state, for a text in SQLite that is none."""
PASSING_STATES = (
    *("SQLITE_IOERR", "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_READONLY"),
    *("08", "53", "57P", "58"),
)
"""How the states begin that are the machine's, not the statement's: SQLite's names, PostgreSQL's codes."""
RESTORE = (
    "Stop the server, keep a copy of the store, and put back a backup; or let SQLite read what is left: "
    "`sqlite3 bioxen.db .recover | sqlite3 mended.db`, then `mv mended.db bioxen.db`."
)


@contextmanager
def in_words() -> Iterator[None]:
    """Raise a `BioXenException` with the place `store` for what the disk or the database cannot do now."""
    try:
        yield
    except DBAPIError as error:
        if (fault := _first_fault(error)) is None:
            raise
        raise fault from error
    except OSError as error:
        raise _of_disk(error) from error


def is_stores(error: BioXenException) -> bool:
    """Return whether it is a fault of the store's, which passes when somebody has seen to the machine."""
    return error.place == PLACE and isinstance(error, ResourceExhaustionError | ServiceUnavailableError)


def state_of(error: DBAPIError) -> str:
    """Return the database's own name of the fault."""
    return str(getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or "")


def damaged(why: str) -> ServiceUnavailableError:
    """Return the fault for a database that is not what was written."""
    details = {"place": PLACE, "remedy": RESTORE}
    return ServiceUnavailableError(f"The store's database is damaged: {why}.", details=details)


def _first_fault(error: DBAPIError) -> BioXenException | None:
    """Return what went wrong first: on a full disk SQLite ends a transaction, and its savepoints are gone."""
    happened: BaseException | None = error
    while happened is not None:  # the driver's own errors stand between those that SQLAlchemy made of them
        if isinstance(happened, DBAPIError) and (fault := _of_database(happened)) is not None:
            return fault
        happened = happened.__context__
    return None


def _of_database(error: DBAPIError) -> BioXenException | None:
    state = state_of(error)
    if state.startswith(FULL_STATES):
        return _full(str(error.orig))
    if state.startswith(DAMAGED_STATES) or NO_TEXT in str(error.orig):
        return damaged(str(error.orig).partition(" with text ")[0])
    if state.startswith(PASSING_STATES) or error.connection_invalidated:
        return _unusable(str(error.orig))
    return None


def _of_disk(error: OSError) -> BioXenException:
    words = error.strerror or str(error)
    return _full(words) if error.errno in FULL else _unusable(words)


def _full(why: str) -> ResourceExhaustionError:
    remedy = "Make room where the store is (`bioxen store gc`); what was accepted goes on by itself then."
    details = {"place": PLACE, "retry_after": RETRY, "remedy": remedy}
    return ResourceExhaustionError(f"The store has no room: {why}.", details=details)


def _unusable(why: str) -> ServiceUnavailableError:
    remedy = "Look at the disk or the database of the store; what was accepted waits and goes on by itself."
    details = {"place": PLACE, "retry_after": RETRY, "remedy": remedy}
    return ServiceUnavailableError(f"The store cannot be used: {why}.", details=details)
