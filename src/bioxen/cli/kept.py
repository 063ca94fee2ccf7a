"""What the verbs of kept cells share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import results
from bioxen.protocol.services import ORCHESTRATOR_PORT

if TYPE_CHECKING:
    from bioxen.client.cells import KeptCells

VmId = Annotated[str, typer.Argument(help="The cell.")]
Url = Annotated[str, typer.Option("--url", envvar="BIOXEN_URL", help="The orchestrator.")]
Token = Annotated[
    str | None, typer.Option("--token", envvar="BIOXEN_TOKEN", help="The orchestrator's token.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HERE = f"http://127.0.0.1:{ORCHESTRATOR_PORT}"


@contextmanager
def kept_cells(url: str, token: str | None) -> Iterator[KeptCells]:
    """Give the cells of an orchestrator."""
    import bioxen

    with bioxen.connect(url, token=token) as hypervisor:
        yield hypervisor.kept


def say_more(following: str | int | None) -> None:
    """Say how to see what follows, if something does."""
    if following is not None:
        results.print(f"More: --after {following}", markup=False)
