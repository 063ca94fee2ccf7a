"""`bioxen serve metabolic|kinetic|orchestrator`: one service in the foreground."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import errors
from bioxen.cli.owners import read_quotas
from bioxen.cli.service_options import (
    Cache,
    CacheDir,
    CellQuota,
    Deadline,
    Form,
    Host,
    Level,
    LogFormat,
    LogLevel,
    Memory,
    Quota,
    Routes,
    Token,
    ToolPath,
    Tools,
    Workers,
)
from bioxen.cli.store import ServerStore, place
from bioxen.protocol.services import DYNAMIC_PORT, ORCHESTRATOR_PORT, STATIC_PORT

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bioxen.protocol.processes import Service
    from bioxen.server.settings import ServiceSettings

app = typer.Typer(
    no_args_is_help=True,
    help="Run one service until Ctrl-C or SIGTERM.\n\nExample: [bold]bioxen serve kinetic --port 5012[/]",
)

Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
Queue = Annotated[int, typer.Option("--queue", min=1, help="Requests that may wait.")]
Fd = Annotated[int | None, typer.Option(hidden=True, help="A listening socket that was inherited.")]
Lifeline = Annotated[bool, typer.Option("--lifeline", hidden=True, help="Stop when standard input ends.")]
Urls = Annotated[list[str] | None, typer.Option(help="Where a replica listens; may be given several times.")]


@app.command()
def metabolic(
    host: Host = "127.0.0.1",
    port: Port = STATIC_PORT,
    token: Token = None,
    workers: Workers = None,
    queue: Queue = 1000,
    memory_mb: Memory = 2048,
    cache_mb: Cache = 256,
    cache_dir: CacheDir = None,
    deadline: Deadline = 60.0,
    log_format: Form = "text",
    log_level: Level = "warning",
    fd: Fd = None,
    lifeline: Lifeline = False,
) -> None:
    """The static metabolic service: constraint-based optimisation.

    Example: [bold]bioxen serve metabolic --port 5001 --workers 4[/]
    """
    from bioxen.server.app import service_app

    settings = _computing(_settings(host, token, memory_mb, deadline), workers, queue, cache_mb, cache_dir)
    _set_up_log(log_format, log_level)
    _serve("metabolic", service_app("static", settings), _listener(host, port, fd), lifeline)


@app.command()
def kinetic(
    host: Host = "127.0.0.1",
    port: Port = DYNAMIC_PORT,
    token: Token = None,
    workers: Workers = None,
    queue: Queue = 1000,
    memory_mb: Memory = 2048,
    cache_mb: Cache = 256,
    cache_dir: CacheDir = None,
    deadline: Deadline = 60.0,
    routes: Routes = "measured",
    log_format: Form = "text",
    log_level: Level = "warning",
    fd: Fd = None,
    lifeline: Lifeline = False,
) -> None:
    """The dynamic kinetic service: ODE and stochastic simulation.

    Examples: [bold]bioxen serve kinetic --deadline 10[/] | [bold]bioxen serve kinetic --routes fixed[/]
    """
    from bioxen.server.app import service_app

    settings = _computing(_settings(host, token, memory_mb, deadline), workers, queue, cache_mb, cache_dir)
    settings = replace(settings, routes=routes)
    _set_up_log(log_format, log_level)
    _serve("kinetic", service_app("dynamic", settings), _listener(host, port, fd), lifeline)


@app.command()
def orchestrator(
    metabolic_url: Urls = None,
    kinetic_url: Urls = None,
    host: Host = "127.0.0.1",
    port: Port = ORCHESTRATOR_PORT,
    token: Token = None,
    memory_mb: Memory = 2048,
    deadline: Deadline = 60.0,
    tool: Tools = None,
    tool_path: ToolPath = None,
    store: ServerStore = None,
    quota: Quota = None,
    cell_quota: CellQuota = None,
    log_format: Form = "text",
    log_level: Level = "warning",
    fd: Fd = None,
    lifeline: Lifeline = False,
) -> None:
    """The orchestrator: routes, balances and watches the computation services.

    Example: [bold]bioxen serve orchestrator --metabolic-url http://127.0.0.1:5001
    --kinetic-url http://127.0.0.1:5002[/]
    """
    from bioxen.protocol.base import parse
    from bioxen.protocol.quotas import CellQuotas, Quotas
    from bioxen.server.app import orchestrator_app

    settings = replace(
        _settings(host, token, memory_mb, deadline),
        tools=tuple(tool or ()),
        sys_path=tuple(path.resolve() for path in tool_path or ()),
        store=place(store),
        quotas=parse(Quotas, read_quotas(quota or [])),
        cell_quotas=parse(CellQuotas, read_quotas(cell_quota or [])),
    )
    replicas: list[tuple[Service, str]] = [
        *(("static", url) for url in metabolic_url or [f"http://127.0.0.1:{STATIC_PORT}"]),
        *(("dynamic", url) for url in kinetic_url or [f"http://127.0.0.1:{DYNAMIC_PORT}"]),
    ]
    _set_up_log(log_format, log_level)
    _serve("orchestrator", orchestrator_app(settings, replicas), _listener(host, port, fd), lifeline)


def _settings(host: str, token: str | None, memory_mb: int, deadline: float) -> ServiceSettings:
    from bioxen.server.settings import MIB, ServiceSettings

    return ServiceSettings(host=host, token=token, memory_limit=memory_mb * MIB, deadline=deadline)


def _computing(
    settings: ServiceSettings, workers: int | None, queue: int, cache_mb: int, cache_dir: Path | None
) -> ServiceSettings:
    """Return `settings` with what computation services alone have."""
    from bioxen.server.settings import MIB

    return replace(
        settings,
        workers=workers,
        queue_limit=queue,
        cache_bytes=cache_mb * MIB,
        cache_dir=cache_dir.resolve() if cache_dir else None,
    )


def _set_up_log(form: LogFormat, level: LogLevel) -> None:
    from bioxen.server.logs import set_up

    set_up(form, level)


def _listener(host: str, port: int, fd: int | None) -> socket.socket:
    from bioxen.server.serving import bind

    return bind(host, port) if fd is None else socket.socket(fileno=fd)


def _serve(name: str, application: FastAPI, listener: socket.socket, lifeline: bool) -> None:
    from bioxen.server.serving import serve

    if not lifeline:  # a supervisor prints for its children
        host, port = listener.getsockname()[:2]
        errors.print(f"BioXen {name} service on http://{host}:{port} (stop: Ctrl-C, documents: /docs)")
    serve(application, listener, lifeline=lifeline)
