"""Where the verbs print: results to standard output, everything else to standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from bioxen.server.supervisor import Supervisor

results = Console()
errors = Console(stderr=True)


def table(title: str, *columns: str) -> Table:
    """Return a table in the one style that BioXen uses; a column that starts with `>` is right-aligned."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    for column in columns:
        made.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
    return made


def start_services(supervisor: Supervisor) -> None:
    """Start every service of `supervisor`, with a progress bar that counts the healthy ones."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("starting the services", total=len(supervisor.services))
        supervisor.start(lambda _: progress.advance(task))
