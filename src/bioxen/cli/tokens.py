"""`bioxen token create|list|revoke`: who may ask an orchestrator."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from bioxen.cli.console import errors, results, table
from bioxen.cli.store import StorePlace, opened
from bioxen.protocol.tokens import SCOPES, OwnerName, Scope, Token

app = typer.Typer(
    no_args_is_help=True,
    help="API tokens of an orchestrator: made, listed and revoked in its store, while it runs or not.\n\n"
    "Example: [bold]bioxen token create ada --scope compute --scope jobs[/]",
)


@app.command()
def create(
    owner: Annotated[str, typer.Argument(help="Whom it speaks for: letters, digits, and _ . -")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"One of {', '.join(SCOPES)}; repeatable. All but admin if absent."),
    ] = None,
    name: Annotated[str, typer.Option(help="What it is for, in words of your own.")] = "token",
    expires_days: Annotated[
        float | None, typer.Option(min=0, help="Days until it ends; it does not if absent.")
    ] = None,
    store: StorePlace = None,
) -> None:
    """Make a token. Its secret is printed once, on standard output, and cannot be shown again.

    Examples: [bold]bioxen token create ada[/] |
    [bold]bioxen token create ci --scope jobs --name nightly --expires-days 90[/]
    """
    from bioxen.server.store.tokens import create_token

    ends = None
    if expires_days is not None:
        ends = (datetime.now(UTC) + timedelta(days=expires_days)).isoformat(timespec="microseconds")
    with opened(store, make=True) as opened_store:
        made = opened_store.write_now(create_token, _owner(owner), name, _scopes(scope), ends)
    sys.stdout.write(made.secret + "\n")
    errors.print(
        f"Token {made.token.token_id} of {owner} ({', '.join(made.token.scopes)}). "
        "The secret above is not kept: put it where it is needed, now.",
        highlight=False,
    )


@app.command("list")
def list_all(
    owner: Annotated[str | None, typer.Option(help="Only the tokens of this owner.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
    store: StorePlace = None,
) -> None:
    """List the tokens, without their secrets, which nobody has but their bearers.

    Example: [bold]bioxen token list --owner ada[/]
    """
    from bioxen.server.store.tokens import list_tokens

    with opened(store) as opened_store:
        found = opened_store.read_now(list_tokens, owner)
    if as_json:
        sys.stdout.write(json.dumps([token.model_dump() for token in found], indent=2) + "\n")
        return
    listing = table("Tokens", "id", "owner", "name", "scopes", "made", "state")
    for token in found:
        made = token.created_at[:10]
        listing.add_row(token.token_id, token.owner, token.name, " ".join(token.scopes), made, _state(token))
    results.print(listing)


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="The token's id, as `bioxen token list` shows it.")],
    store: StorePlace = None,
) -> None:
    """End a token, at once also for a server that is running (on PostgreSQL within a second).

    Example: [bold]bioxen token revoke 4f0a12c3b9de[/]
    """
    from bioxen.server.store.tokens import revoke_token

    with opened(store) as opened_store:
        token = opened_store.write_now(revoke_token, token_id)
    errors.print(f"Token {token.token_id} of {token.owner} has ended.", highlight=False)


def _owner(name: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(OwnerName).validate_python(name)
    except ValidationError:
        raise typer.BadParameter(
            f"{name!r}: an owner's name has 1 to 64 letters, digits, and _ . -"
        ) from None


def _scopes(given: list[str] | None) -> list[Scope]:
    unknown = [name for name in given or [] if name not in SCOPES]
    if unknown:
        raise typer.BadParameter(f"--scope {unknown[0]}: the scopes are {', '.join(SCOPES)}")
    return [scope for scope in SCOPES if (scope in given if given else scope != "admin")]


def _state(token: Token) -> str:
    if token.revoked_at is not None:
        return f"revoked {token.revoked_at[:10]}"
    if token.expires_at is None:
        return "valid"
    ended = token.expires_at <= datetime.now(UTC).isoformat(timespec="microseconds")
    return f"{'expired' if ended else 'valid until'} {token.expires_at[:10]}"
