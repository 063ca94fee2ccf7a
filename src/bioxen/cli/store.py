"""The store as the verbs reach it: a folder or a database, beside a server that may be running on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.errors import ConfigurationError

if TYPE_CHECKING:
    from bioxen.server.store.store import Store

NO_STORE = "none"
ServerStore = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="BIOXEN_STORE",
        help="Where jobs are kept: a folder or a database URL; `none` keeps them in memory alone.",
    ),
]
StorePlace = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="BIOXEN_STORE",
        help="The server's store: a folder or a database URL; the default one if absent.",
    ),
]


def place(store: str | None) -> str | Path | None:
    """Return where a server keeps things; `None` where it keeps nothing."""
    from bioxen.server.store.store import default_folder

    return None if store == NO_STORE else store or default_folder()


@contextlib.contextmanager
def opened(store: str | None) -> Iterator[Store]:
    """Give a server's store, for a few reads and changes; the server may be running.

    Raises:
        ConfigurationError: it cannot be opened, or none is asked for.
    """
    from bioxen.server.store.store import Store

    where = place(store)
    if where is None:
        raise ConfigurationError(
            "A server without a store keeps nothing that could be changed from here.",
            details={"place": "--store", "remedy": "Give the folder or the database URL of the server."},
        )
    opened_store = Store.at(where).open(alone=False)
    try:
        yield opened_store
    finally:
        opened_store.close()
