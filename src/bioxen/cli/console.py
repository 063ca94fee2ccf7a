"""Where the verbs print: results to standard output, everything else to standard error."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

results = Console()
errors = Console(stderr=True)


def table(title: str, *columns: str) -> Table:
    """Return a table in the one style that BioXen uses; a column that starts with `>` is right-aligned."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", expand=False)
    for column in columns:
        made.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
    return made
