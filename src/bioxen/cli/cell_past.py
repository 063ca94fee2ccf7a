"""Verbs of `bioxen cells` about where cells come from: fork, snapshots, restore, lineage, history, replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import errors, results, table
from bioxen.cli.edits import (
    Bounds,
    Init,
    KnockOut,
    KnockOutReaction,
    Medium,
    Param,
    Seed,
    edits_of,
)
from bioxen.cli.kept import VmId, kept_cells, say_state, show_page
from bioxen.cli.options import HERE, Json, Limit, Token, Url

if TYPE_CHECKING:
    from bioxen.protocol.cells import Living
    from bioxen.protocol.lineage import HistoryEntry, Kin, Standing

Number = Annotated[int, typer.Argument(min=1, help="The snapshot's number.")]
After = Annotated[int, typer.Option("--after", min=0, help="Begin after this entry.")]
DIFFERENT = 4
"""The exit code of a replay that gave other bytes."""


def fork(
    vm_id: VmId,
    new_id: Annotated[str, typer.Argument(help="The new cell's name.")],
    snapshot: Annotated[
        int | None, typer.Option(min=1, help="Begin at this snapshot; where the cell stands if absent.")
    ] = None,
    knock_out: KnockOut = None,
    knock_out_reaction: KnockOutReaction = None,
    bounds: Bounds = None,
    medium: Medium = None,
    param: Param = None,
    init: Init = None,
    seed: Seed = None,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Make a cell that begins where another stands, with edits on top.

    Examples: [bold]bioxen cells fork cell-1 mutant --knock-out b2276[/] |
    [bold]bioxen cells fork cell-1 twin --snapshot 2[/]
    """
    changes = edits_of(knock_out, bounds, medium, param, init, knock_out_reaction, seed)
    with kept_cells(url, token) as kept:
        made = kept.fork(vm_id, new_id, changes, snapshot)
    say_state(made.vm_id, made.state)


def snapshot(
    vm_id: VmId,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Keep where a cell stands; the snapshot's number is printed.

    Example: [bold]bioxen cells snapshot cell-1 --name inoculum[/]
    """
    with kept_cells(url, token) as kept:
        results.print(str(kept.snapshot(vm_id, name).number), highlight=False)


def snapshots(vm_id: VmId, as_json: Json = False, url: Url = HERE, token: Token = None) -> None:
    """List a cell's snapshots, the first first.

    Example: [bold]bioxen cells snapshots cell-1[/]
    """
    from pydantic import TypeAdapter

    from bioxen.protocol.lineage import Snapshot

    with kept_cells(url, token) as kept:
        found = kept.snapshots(vm_id)
    if as_json:
        results.print_json(TypeAdapter(list[Snapshot]).dump_json(found).decode())
        return
    listing = table(f"Snapshots of {vm_id}", ">number", "name", "taken at", "stands at", "edits")
    for one in found:
        edits = one.delta.model_dump_json(exclude_defaults=True)
        listing.add_row(str(one.number), one.name or "", one.created_at[:19], _place(one.living), edits)
    results.print(listing)


def delete_snapshot(vm_id: VmId, number: Number, url: Url = HERE, token: Token = None) -> None:
    """Forget a snapshot. Cells that were forked from it stay as they are, and know where they come from.

    Example: [bold]bioxen cells delete-snapshot cell-1 2[/]
    """
    with kept_cells(url, token) as kept:
        kept.delete_snapshot(vm_id, number)


def restore(vm_id: VmId, number: Number, url: Url = HERE, token: Token = None) -> None:
    """Set a cell to any of its snapshots, earlier or later.

    Example: [bold]bioxen cells restore cell-1 1[/]
    """
    with kept_cells(url, token) as kept:
        standing = kept.restore(vm_id, number)
    results.print(f"{vm_id} stands at {_place(standing.living)}", markup=False, highlight=False)


def lineage(
    vm_id: VmId,
    after: Annotated[str | None, typer.Option("--after", help="Begin after this child.")] = None,
    limit: Limit = 100,
    as_json: Json = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Show whom a cell descends from, and who from it.

    Example: [bold]bioxen cells lineage cell-1[/]
    """
    with kept_cells(url, token) as kept:
        found = kept.lineage(vm_id, after=after, limit=limit)
    listing = table(f"Lineage of {vm_id}", "cell", "is", "comes from", "differs by")
    ranks = ["itself", *["ancestor"] * (len(found.ancestors) - 1), *["child"] * len(found.children)]
    for rank, kin in zip(ranks, [*found.ancestors, *found.children], strict=True):
        changes = "" if kin.changes is None else kin.changes.model_dump_json(exclude_defaults=True)
        listing.add_row(kin.vm_id + (" (destroyed)" if kin.destroyed else ""), rank, _origin(kin), changes)
    show_page(found, listing, as_json)


def history(
    vm_id: VmId,
    after: After = 0,
    limit: Limit = 100,
    as_json: Json = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Show what was computed on a cell, its edits and restores, and where each left it.

    Example: [bold]bioxen cells history cell-1[/]
    """
    with kept_cells(url, token) as kept:
        page = kept.history(vm_id, after=after, limit=limit)
    listing = table(f"History of {vm_id}", ">number", "at", "what", "since then")
    for entry in page.entries:
        listing.add_row(str(entry.number), entry.created_at[:19], _what(entry), _since(entry))
    show_page(page, listing, as_json)


def replay(
    vm_id: VmId,
    after: After = 0,
    limit: Limit = 100,
    as_json: Json = False,
    url: Url = HERE,
    token: Token = None,
) -> None:
    """Compute once more what was computed on a cell, and compare the bytes; exit code 4 where some differ.

    Example: [bold]bioxen cells replay cell-1[/]
    """
    with errors.status("computing …"), kept_cells(url, token) as kept:
        found = kept.replay(vm_id, after=after, limit=limit)
    listing = table(f"Replay of {vm_id}", ">number", "process", "bytes")
    for entry in found.entries:
        listing.add_row(str(entry.number), entry.process_code, "the same" if entry.same else "others")
    show_page(found, listing, as_json)
    if not found.same:
        raise typer.Exit(DIFFERENT)


VERBS: tuple[Callable[..., None], ...] = (
    fork,
    snapshot,
    snapshots,
    delete_snapshot,
    restore,
    lineage,
    history,
    replay,
)


def _origin(kin: Kin) -> str:
    if kin.parent is None:
        return "made new"
    return kin.parent if kin.snapshot is None else f"{kin.parent}, snapshot {kin.snapshot}"


def _what(entry: HistoryEntry) -> str:
    if entry.process_code is not None:
        return entry.process_code
    return "edited" if entry.snapshot is None else f"restored to snapshot {entry.snapshot}"


def _since(entry: HistoryEntry) -> str:
    """Return what is another in the cell since an entry."""
    if entry.after is None:
        return ""
    told = _edited(entry.before, entry.after)
    if entry.before.living != entry.after.living:
        told.append(_place(entry.after.living))
    return ", ".join(told)


def _edited(before: Standing, after: Standing) -> list[str]:
    """Return the fields of the edits that differ, as they are afterwards."""
    earlier, later = (one.delta.model_dump_json(exclude_defaults=True) for one in (before, after))
    if earlier == later:
        return []
    return ["no edits"] if later == "{}" else [f"edits {later}"]


def _place(living: Living | None) -> str:
    """Return where a cell stands."""
    if living is None:
        return "its beginning"
    told = [] if living.biomass is None else [f"{living.time:g} h", f"{living.biomass:.4g} gDW/L"]
    told += [f"model time {living.model_time:g}"] if living.species else []
    return ", ".join(told)
