"""The options of services, which `bioxen serve` and `bioxen up` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

Host = Annotated[str, typer.Option(help="Address to bind; any but loopback needs a token.")]
Token = Annotated[
    str | None, typer.Option(envvar="BIOXEN_TOKEN", help="Secret that every request must bring.")
]
Workers = Annotated[int | None, typer.Option(min=1, max=256, help="Worker processes; one a core if absent.")]
Memory = Annotated[int, typer.Option("--memory-mb", min=64, help="Memory one worker may use, MB.")]
Cache = Annotated[int, typer.Option("--cache-mb", min=0, help="Exact answers kept, MB; 0 keeps none.")]
CacheDir = Annotated[
    Path | None, typer.Option("--cache-dir", help="Folder where they are kept for the next start as well.")
]
Routes = Annotated[
    str,
    typer.Option(
        envvar="BIOXEN_ROUTES",
        help="Where kinetic studies run: as `measured` here, by a `fixed` rule, or as a FILE of routes says.",
    ),
]
Deadline = Annotated[float, typer.Option(min=0.01, max=3600, help="Seconds a computation may take.")]
Tools = Annotated[list[str] | None, typer.Option("--tool", help="Third-party tool, as module:Class.")]
ToolPath = Annotated[list[Path] | None, typer.Option(help="Folder where workers look for tools.")]
Form = Annotated[LogFormat, typer.Option("--log-format", help="Lines for people, or one JSON object each.")]
Level = Annotated[
    LogLevel, typer.Option("--log-level", help="What is logged; `info` has a line for each request.")
]
Quota = Annotated[
    list[str] | None,
    typer.Option(help="QUOTA=VALUE that each owner has unless the store says otherwise; repeatable."),
]
CellQuota = Annotated[
    list[str] | None,
    typer.Option(help="QUOTA=VALUE that each kept cell has unless it was given its own; repeatable."),
]
