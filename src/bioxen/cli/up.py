"""`bioxen up`: every service in one go."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bioxen.cli.console import errors, results, start_services, table
from bioxen.cli.service_options import (
    Cache,
    CacheDir,
    CellQuota,
    Deadline,
    Form,
    Host,
    Level,
    Memory,
    Quota,
    Routes,
    Token,
    ToolPath,
    Tools,
    Workers,
)
from bioxen.cli.store import ServerStore
from bioxen.protocol.services import DYNAMIC_PORT, ORCHESTRATOR_PORT, STATIC_PORT

if TYPE_CHECKING:
    from bioxen.server.supervisor import ServiceProcess, Supervisor


def up(
    host: Host = "127.0.0.1",
    metabolic_port: Annotated[int, typer.Option(help="0 takes a free one.")] = STATIC_PORT,
    kinetic_port: Annotated[int, typer.Option(help="0 takes a free one.")] = DYNAMIC_PORT,
    orchestrator_port: Annotated[int, typer.Option(help="0 takes a free one.")] = ORCHESTRATOR_PORT,
    replicas: Annotated[int, typer.Option(min=1, max=64, help="Replicas of each computation service.")] = 1,
    workers: Workers = None,
    memory_mb: Memory = 2048,
    cache_mb: Cache = 256,
    cache_dir: CacheDir = None,
    deadline: Deadline = 60.0,
    routes: Routes = "measured",
    token: Token = None,
    tool: Tools = None,
    tool_path: ToolPath = None,
    store: ServerStore = None,
    quota: Quota = None,
    cell_quota: CellQuota = None,
    log_format: Form = "text",
    log_level: Level = "warning",
) -> None:
    """Start the metabolic, the kinetic and the orchestrator service, and keep them running.

    A service that ends is started again. Ctrl-C or SIGTERM stops all of them.

    Examples: [bold]bioxen up[/] | [bold]bioxen up --replicas 2 --workers 1[/] |
    [bold]bioxen up --orchestrator-port 0[/]
    """
    from bioxen.server.settings import ServiceSettings
    from bioxen.server.supervisor import Supervisor

    ServiceSettings(host=host, token=token)  # refuses an open address before anything starts
    supervisor = Supervisor(
        host=host,
        ports=(metabolic_port, kinetic_port, orchestrator_port),
        replicas=replicas,
        arguments=[
            *("--memory-mb", str(memory_mb), "--deadline", str(deadline)),
            *("--log-format", log_format, "--log-level", log_level),
        ],
        compute_arguments=[
            *("--cache-mb", str(cache_mb)),
            *(["--cache-dir", str(cache_dir)] if cache_dir else []),
            *(["--workers", str(workers)] if workers else []),
        ],
        kinetic_arguments=["--routes", routes],
        orchestrator_arguments=[
            *_tool_arguments(tool or [], tool_path or []),
            *(["--store", store] if store else []),
            *(part for one in quota or [] for part in ("--quota", one)),
            *(part for one in cell_quota or [] for part in ("--cell-quota", one)),
        ],
        token=token,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        start_services(supervisor)
        _show(supervisor)
        while not stopped.wait(0.5):
            supervisor.restart_ended(_say_restart)
    finally:
        supervisor.close()
    errors.print("All services are stopped.")


def _tool_arguments(tools: list[str], paths: list[Path]) -> list[str]:
    return [part for t in tools for part in ("--tool", t)] + [
        part for path in paths for part in ("--tool-path", str(path))
    ]


def _show(supervisor: Supervisor) -> None:
    running = table("BioXen is up", "service", "address", ">process")
    for service in supervisor.services:
        running.add_row(service.name, service.url, str(service.process.pid) if service.process else "")
    results.print(running)
    results.print(f"documents: {supervisor.url}/docs   stop: Ctrl-C")


def _say_restart(service: ServiceProcess) -> None:
    code = service.process.returncode if service.process else None
    errors.print(f"[yellow]The {service.name} service ended with exit code {code}; starting it again.[/]")
