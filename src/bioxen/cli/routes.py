"""`bioxen routes`: where kinetic studies run on this machine, as it was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import errors, results, table
from bioxen.errors import ConfigurationError

if TYPE_CHECKING:
    from bioxen.server.accelerators.book import Book

app = typer.Typer(
    no_args_is_help=True,
    help="From how many members on studies of a program run in lanes or on a GPU, as was measured here.\n\n"
    "Example: [bold]bioxen routes list[/]",
)
Programs = Annotated[list[str] | None, typer.Argument(help="Programs, by id or the beginning of the digest.")]


@app.command("list")
def list_() -> None:
    """List what was measured on this machine with this version; times are milliseconds a member.

    Example: [bold]bioxen routes list[/]
    """
    from bioxen.server.engines.crossover import route_of

    listing = table(
        "Routes, times in ms a member",
        "program",
        "study",
        ">alone",
        ">lanes",
        ">GPU",
        "lanes from",
        "GPU from",
        "",
    )
    names = _names()
    for one in _book().entries():
        route = route_of(one)
        times = ("" if each is None else f"{1e3 * each:.3g}" for each in (one.single, one.lanes, one.gpu))
        kind = f"{one.kind}, large" if one.gpu_too else one.kind
        begin = (str(each or "never") for each in (route.lanes, route.gpu))
        name = names.get(one.program, one.program[:12])
        listing.add_row(name, kind, *times, *begin, one.failed or one.why_not)
    results.print(listing)


@app.command()
def forget(
    programs: Programs = None,
    every: Annotated[bool, typer.Option("--all", help="Of every program.")] = False,
) -> None:
    """Throw measurements away: the next study measures again, and may then run another way.

    Examples: [bold]bioxen routes forget repressilator[/] | [bold]bioxen routes forget --all[/]
    """
    if bool(programs) == every:
        raise typer.BadParameter("name programs, or give --all")
    book = _book()
    gone = book.forget(None if every else {_digest(book, name) for name in programs or []})
    errors.print(f"Forgot {gone} measurements.")


@app.command()
def export(file: Annotated[Path, typer.Argument(help="Where to write; it is written anew.")]) -> None:
    """Write what was measured as a file, by which services on any machine can route (`--routes FILE`).

    Example: [bold]bioxen routes export routes.json[/]
    """
    from bioxen.server.accelerators.routes import routes_from, write

    routes = routes_from(_book().entries())
    write(file, routes)
    errors.print(f"Wrote the routes of {len(routes.routes)} programs to {file}.", soft_wrap=True)


def _book() -> Book:
    from bioxen.server.accelerators.book import Book

    try:
        return Book()
    except OSError as error:
        raise ConfigurationError(
            f"Nothing was measured: {error}.",
            details={"place": "BIOXEN_CACHE", "remedy": "Unset it, or name a folder that is your own."},
        ) from error


def _names() -> dict[str, str]:
    """Return the id of each program of the repository by its digest."""
    from bioxen.server.bytecode.repository import Repository

    return {record.digest: record.id for record in Repository().list()}


def _digest(book: Book, name: str) -> str:
    """Return the digest of a program that was measured, or is in the repository."""
    from bioxen.server.bytecode.repository import Repository

    found = {one.program for one in book.entries() if one.program.startswith(name)}
    return found.pop() if len(found) == 1 else Repository().find(name).digest
