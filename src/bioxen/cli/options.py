"""The options that several verbs have. What only one verb, or one group of them, has stands there."""

from __future__ import annotations

from typing import Annotated

import typer

from bioxen.protocol.services import ORCHESTRATOR_PORT

Url = Annotated[str, typer.Option("--url", envvar="BIOXEN_URL", help="The orchestrator.")]
Token = Annotated[
    str | None, typer.Option("--token", envvar="BIOXEN_TOKEN", help="The orchestrator's token.")
]
HERE = f"http://127.0.0.1:{ORCHESTRATOR_PORT}"
"""Where an orchestrator listens that was started without more words."""
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at most.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="FIELD=VALUE of the process's request, the value in JSON; repeatable."),
]

# Of a process that is handed in as a job.
Priority = Annotated[int, typer.Option(min=0, max=100, help="Among your own jobs; 100 is first.")]
JobDeadline = Annotated[float | None, typer.Option(min=0.001, help="Seconds the job may run.")]
Key = Annotated[str | None, typer.Option(help="The same key gives the same job.")]
