"""What the verbs of kept cells share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import results

if TYPE_CHECKING:
    from rich.table import Table

    from bioxen.client.cells import KeptCells
    from bioxen.protocol.lineage import HistoryPage, Lineage, Replay

VmId = Annotated[str, typer.Argument(help="The cell.")]


@contextmanager
def kept_cells(url: str, token: str | None) -> Iterator[KeptCells]:
    """Give the cells of an orchestrator."""
    import bioxen

    with bioxen.connect(url, token=token) as hypervisor:
        yield hypervisor.kept


def say_state(vm_id: str, state: str) -> None:
    """Say in which state a cell is now."""
    results.print(f"{vm_id} {state}", markup=False, highlight=False)


def show_page(page: HistoryPage | Lineage | Replay, listing: Table, as_json: bool) -> None:
    """Print a page, as it is listed or as JSON."""
    if as_json:
        results.print_json(page.model_dump_json())
    else:
        results.print(listing)
        say_more(page.next)


def say_more(following: str | int | None) -> None:
    """Say how to see what follows, if something does."""
    if following is not None:
        results.print(f"More: --after {following}", markup=False)
