"""`bioxen store gc`, and the store as other verbs reach it, beside a server that may be running on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import errors
from bioxen.errors import ConfigurationError

if TYPE_CHECKING:
    from bioxen.server.store.store import Store

app = typer.Typer(
    no_args_is_help=True,
    help="What a server keeps.\n\nExample: [bold]bioxen store gc --results-days 7[/]",
)
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
def opened(store: str | None, *, make: bool = False) -> Iterator[Store]:
    """Give a server's store, for a few reads and changes; the server may be running.

    Args:
        store: what `--store` was given.
        make: whether it may be a new one, for a server that is yet to be started.

    Raises:
        ConfigurationError: it cannot be opened, there is none, or none is asked for.
    """
    from bioxen.server.store.store import Store

    where = place(store)
    if where is None:
        raise ConfigurationError(
            "A server without a store keeps nothing that could be changed from here.",
            details={"place": "--store", "remedy": "Give the folder or the database URL of the server."},
        )
    if not make:
        _require_there(where)
    opened_store = Store.at(where).open(alone=False)
    try:
        yield opened_store
    finally:
        opened_store.close()


def _require_there(where: str | Path) -> None:
    """Return where a store is there: a mistyped folder would become another one, with nothing in it.

    Raises:
        ConfigurationError: it is not.
    """
    if "://" not in str(where) and not (Path(where) / "bioxen.db").is_file():
        raise ConfigurationError(
            f"There is no store in the folder {where}.",
            details={"place": "--store", "remedy": "Give what the server was given; it makes its own store."},
        )


@app.command()
def gc(
    results_days: Annotated[
        float, typer.Option(min=1, help="Days that the result of a job is kept after its end.")
    ] = 30.0,
    jobs_days: Annotated[
        float, typer.Option(min=1, help="Days that the record of a job is kept after its end.")
    ] = 365.0,
    store: StorePlace = None,
) -> None:
    """Make room: old results, older jobs, and what nothing mentions any more. The server may be running.

    Example: [bold]bioxen store gc --results-days 7 --jobs-days 90[/]
    """
    from bioxen.server.store.gc import collect

    with opened(store) as opened_store:
        removed = collect(opened_store, results_days, jobs_days)
    errors.print(
        f"Removed {removed.files} files ({removed.bytes} bytes); {removed.emptied} jobs lost their results, "
        f"{removed.jobs} jobs were forgotten; {removed.texts} documents of former cells are gone.",
        highlight=False,
    )
