"""Where the verbs print: results to standard output, everything else to standard error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from bioxen.server.supervisor import Supervisor

results = Console()
errors = Console(stderr=True)


STARTING = "starting the services (the first start ever compiles for about a minute)"


class PlainTable(Table):
    """A table whose texts mean what they say: `[S]` is a concentration, no markup."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row; give a `Text` where a cell should have a style."""
        super().add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells), **options)


def table(title: str, *columns: str) -> Table:
    """Return a table in the one style that BioXen uses; a column that starts with `>` is right-aligned.

    The first column has the names, which somebody may copy: it is never cut.
    """
    made = PlainTable(title=title, title_justify="left", title_style="bold", header_style="bold")
    for number, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        made.add_column(Text(column.lstrip(">")), justify=justify, no_wrap=number == 0)
    return made


def start_services(supervisor: Supervisor) -> None:
    """Start every service of `supervisor`, with a progress bar that counts the healthy ones."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(STARTING, total=len(supervisor.services))
        supervisor.start(lambda _: progress.advance(task))
