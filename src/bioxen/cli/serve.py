"""`bioxen serve metabolic|kinetic|orchestrator`: one service in the foreground."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import errors
from bioxen.protocol.services import DYNAMIC_PORT, ORCHESTRATOR_PORT, STATIC_PORT

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bioxen.protocol.processes import Service
    from bioxen.server.settings import ServiceSettings

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
Deadline = Annotated[float, typer.Option(min=0.01, max=3600, help="Seconds a computation may take.")]
Tools = Annotated[list[str] | None, typer.Option("--tool", help="Third-party tool, as module:Class.")]
ToolPath = Annotated[list[Path] | None, typer.Option(help="Folder where workers look for tools.")]
Fd = Annotated[int | None, typer.Option(hidden=True, help="A listening socket that was inherited.")]
Lifeline = Annotated[bool, typer.Option("--lifeline", hidden=True, help="Stop when standard input ends.")]
Urls = Annotated[list[str] | None, typer.Option(help="Where a replica listens; may be given several times.")]


def _add(name: str, service: Service, default_port: int, about: str) -> None:
    """Add the command of a computation service; both take the same options."""

    def command(
        host: Host = "127.0.0.1",
        port: Port = default_port,
        token: Token = None,
        workers: Workers = None,
        queue: Queue = 1000,
        memory_mb: Memory = 2048,
        deadline: Deadline = 60.0,
        fd: Fd = None,
        lifeline: Lifeline = False,
    ) -> None:
        from bioxen.server.app import service_app

        settings = _settings(host, token, workers, queue=queue, memory_mb=memory_mb, deadline=deadline)
        _serve(name, service_app(service, settings), _listener(host, port, fd), lifeline)

    command.__doc__ = about
    app.command(name)(command)


_add(
    "metabolic",
    "static",
    STATIC_PORT,
    "The static metabolic service: constraint-based optimisation.\n\n"
    "Example: [bold]bioxen serve metabolic --port 5001 --workers 4[/]",
)
_add(
    "kinetic",
    "dynamic",
    DYNAMIC_PORT,
    "The dynamic kinetic service: ODE and stochastic simulation.\n\n"
    "Example: [bold]bioxen serve kinetic --deadline 10[/]",
)


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
    fd: Fd = None,
    lifeline: Lifeline = False,
) -> None:
    """The orchestrator: routes, balances and watches the computation services.

    Example: [bold]bioxen serve orchestrator --metabolic-url http://127.0.0.1:5001
    --kinetic-url http://127.0.0.1:5002[/]
    """
    from bioxen.server.app import orchestrator_app

    settings = _settings(
        host, token, None, memory_mb=memory_mb, deadline=deadline, tools=tool or (), paths=tool_path or ()
    )
    replicas: list[tuple[Service, str]] = [
        *(("static", url) for url in metabolic_url or [f"http://127.0.0.1:{STATIC_PORT}"]),
        *(("dynamic", url) for url in kinetic_url or [f"http://127.0.0.1:{DYNAMIC_PORT}"]),
    ]
    _serve("orchestrator", orchestrator_app(settings, replicas), _listener(host, port, fd), lifeline)


def _settings(
    host: str,
    token: str | None,
    workers: int | None,
    *,
    memory_mb: int,
    deadline: float,
    queue: int = 1000,
    tools: list[str] | tuple[str, ...] = (),
    paths: list[Path] | tuple[Path, ...] = (),
) -> ServiceSettings:
    from bioxen.server.settings import MIB, ServiceSettings

    return ServiceSettings(
        host=host,
        token=token,
        workers=workers,
        queue_limit=queue,
        memory_limit=memory_mb * MIB,
        deadline=deadline,
        tools=tuple(tools),
        sys_path=tuple(path.resolve() for path in paths),
    )


def _listener(host: str, port: int, fd: int | None) -> socket.socket:
    from bioxen.server.serving import bind

    return bind(host, port) if fd is None else socket.socket(fileno=fd)


def _serve(name: str, application: FastAPI, listener: socket.socket, lifeline: bool) -> None:
    from bioxen.server.serving import serve

    if not lifeline:  # a supervisor prints for its children
        host, port = listener.getsockname()[:2]
        errors.print(f"BioXen {name} service on http://{host}:{port} (stop: Ctrl-C, documents: /docs)")
    serve(application, listener, lifeline=lifeline)
