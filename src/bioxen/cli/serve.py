"""`bioxen serve metabolic|kinetic|orchestrator`: one service in the foreground."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bioxen.cli.console import errors
from bioxen.cli.owners import read_quotas
from bioxen.cli.store import ServerStore, place
from bioxen.protocol.services import DYNAMIC_PORT, ORCHESTRATOR_PORT, STATIC_PORT

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bioxen.protocol.processes import Service
    from bioxen.server.settings import ServiceSettings

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

app = typer.Typer(
    no_args_is_help=True,
    help="Run one service until Ctrl-C or SIGTERM.\n\nExample: [bold]bioxen serve kinetic --port 5012[/]",
)

Host = Annotated[str, typer.Option(help="Address to bind; any but loopback needs a token.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")]
Token = Annotated[
    str | None, typer.Option(envvar="BIOXEN_TOKEN", help="Secret that every request must bring.")
]
Workers = Annotated[int | None, typer.Option(min=1, max=256, help="Worker processes; one a core if absent.")]
Queue = Annotated[int, typer.Option("--queue", min=1, help="Requests that may wait.")]
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
    settings = _settings(
        host,
        token,
        workers,
        queue=queue,
        memory_mb=memory_mb,
        cache_mb=cache_mb,
        cache_dir=cache_dir,
        deadline=deadline,
    )
    _serve_computing("static", settings, port, fd, lifeline, log=(log_format, log_level))


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
    settings = _settings(
        host,
        token,
        workers,
        queue=queue,
        memory_mb=memory_mb,
        cache_mb=cache_mb,
        cache_dir=cache_dir,
        deadline=deadline,
        routes=routes,
    )
    _serve_computing("dynamic", settings, port, fd, lifeline, log=(log_format, log_level))


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
    from bioxen.server.app import orchestrator_app

    settings = _settings(
        host,
        token,
        None,
        memory_mb=memory_mb,
        deadline=deadline,
        tools=tool or (),
        paths=tool_path or (),
        store=place(store),
        quotas=quota or (),
        cell_quotas=cell_quota or (),
    )
    replicas: list[tuple[Service, str]] = [
        *(("static", url) for url in metabolic_url or [f"http://127.0.0.1:{STATIC_PORT}"]),
        *(("dynamic", url) for url in kinetic_url or [f"http://127.0.0.1:{DYNAMIC_PORT}"]),
    ]
    _set_up_log(log_format, log_level)
    _serve("orchestrator", orchestrator_app(settings, replicas), _listener(host, port, fd), lifeline)


def _settings(
    host: str,
    token: str | None,
    workers: int | None,
    *,
    memory_mb: int,
    deadline: float,
    queue: int = 1000,
    cache_mb: int = 0,
    cache_dir: Path | None = None,
    routes: str = "measured",
    tools: list[str] | tuple[str, ...] = (),
    paths: list[Path] | tuple[Path, ...] = (),
    store: str | Path | None = None,
    quotas: list[str] | tuple[str, ...] = (),
    cell_quotas: list[str] | tuple[str, ...] = (),
) -> ServiceSettings:
    from bioxen.protocol.base import parse
    from bioxen.protocol.quotas import CellQuotas, Quotas
    from bioxen.server.settings import MIB, ServiceSettings

    return ServiceSettings(
        host=host,
        token=token,
        workers=workers,
        queue_limit=queue,
        memory_limit=memory_mb * MIB,
        cache_bytes=cache_mb * MIB,
        cache_dir=cache_dir.resolve() if cache_dir else None,
        deadline=deadline,
        routes=routes,
        tools=tuple(tools),
        sys_path=tuple(path.resolve() for path in paths),
        store=store,
        quotas=parse(Quotas, read_quotas(list(quotas))),
        cell_quotas=parse(CellQuotas, read_quotas(list(cell_quotas))),
    )


def _serve_computing(
    service: Service,
    settings: ServiceSettings,
    port: int,
    fd: int | None,
    lifeline: bool,
    *,
    log: tuple[LogFormat, LogLevel],
) -> None:
    from bioxen.server.app import service_app

    _set_up_log(*log)
    name = "metabolic" if service == "static" else "kinetic"
    _serve(name, service_app(service, settings), _listener(settings.host, port, fd), lifeline)


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
