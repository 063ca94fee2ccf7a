"""`bioxen owner list|quota`: whom a server works for, and how much each may have."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from bioxen.cli.console import results, table
from bioxen.cli.store import StorePlace, opened
from bioxen.protocol.quotas import Quotas

app = typer.Typer(
    no_args_is_help=True,
    help="Owners of a server's jobs, and their quotas.\n\n"
    "Example: [bold]bioxen owner quota ada running_jobs=8 cpu_seconds=36000[/]",
)
NO_LIMIT = "none"


@app.command("list")
def list_all(store: StorePlace = None) -> None:
    """List the owners, with what each has.

    Example: [bold]bioxen owner list[/]
    """
    from bioxen.server.store.owners import list_owners
    from bioxen.server.store.quotas import usage_of

    listing = table("Owners", "owner", ">in work", ">not ended", ">bytes stored", ">s computed in 24 h")
    with opened(store) as opened_store:
        for owner in opened_store.read_now(list_owners):
            usage = opened_store.read_now(usage_of, owner)
            numbers = (usage.running_jobs, usage.queued_jobs, usage.stored_bytes, round(usage.cpu_seconds))
            listing.add_row(owner, *map(str, numbers))
    results.print(listing)


@app.command()
def quota(
    owner: Annotated[str, typer.Argument(help="The owner's name.")],
    quotas: Annotated[
        list[str] | None,
        typer.Argument(help="QUOTA=VALUE, or QUOTA=none for no limit; shows them if absent."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="First go back to the server's own quotas.")] = False,
    store: StorePlace = None,
) -> None:
    """Set an owner's quotas, or show them. A running server follows within seconds.

    Examples: [bold]bioxen owner quota ada[/] |
    [bold]bioxen owner quota ada running_jobs=8 stored_bytes=none[/]
    """
    from bioxen.server.store.quotas import overrides_of, set_quotas, usage_of

    changes = read_quotas(quotas or [])
    with opened(store) as opened_store:
        if changes or reset:
            opened_store.write_now(set_quotas, owner, changes, reset)
        own = opened_store.read_now(overrides_of, owner)
        usage = opened_store.read_now(usage_of, owner).model_dump()
    listing = table(f"Quotas of {owner}", "quota", ">limit", ">used")
    for name in Quotas.model_fields:
        listing.add_row(name, _limit(own, name), f"{usage[name]:.10g}")
    results.print(listing)


def read_quotas(pairs: list[str]) -> dict[str, Any]:
    """Return what texts like `running_jobs=8` and `stored_bytes=none` say."""
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or name not in Quotas.model_fields:
            known = ", ".join(Quotas.model_fields)
            raise typer.BadParameter(f"{pair}: write it as QUOTA=VALUE; the quotas are {known}")
        try:
            changes[name] = None if value == NO_LIMIT else json.loads(value)
        except ValueError:
            raise typer.BadParameter(f"{pair}: {value!r} is no number, and not `{NO_LIMIT}`") from None
    return changes


def shown_limit(limit: float | None) -> str:
    """Return a limit as it is shown, and as it is given."""
    return NO_LIMIT if limit is None else f"{limit:.10g}"


def _limit(own: dict[str, Any], name: str) -> str:
    if name not in own:
        return "the server's"
    return shown_limit(own[name])
