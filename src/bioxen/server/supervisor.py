"""Starts the services as processes of their own, starts again those that die, and stops them all."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from bioxen.client import Sockets
from bioxen.client.transport import TransportError
from bioxen.errors import ServiceUnavailableError
from bioxen.server.serving import bind

ServiceName = Literal["metabolic", "kinetic", "orchestrator"]
START_LIMIT = 300.0
"""Seconds a service may take to become healthy; the first start ever compiles the metabolic kernel."""
HEALTH_PATIENCE = 2.0
"""Seconds a service may take to say how it is."""
KEEPING_NOTHING = ("--store", "none")
STOP_LIMIT = 15.0
"""Seconds a service may take to stop before it is killed."""
RESTART_PAUSE = 1.0
"""Seconds from a service's end to its next start, doubled at each end in a row up to `LONGEST_PAUSE`."""
LONGEST_PAUSE = 60.0
STABLE = 30.0
"""Seconds a service must have run for its next end to count as the first in a row."""


@dataclass
class ServiceProcess:
    """One service as a child process.

    The supervisor holds its listening socket, so no request is refused while the service starts or starts
    again: it waits in the socket's backlog.
    """

    name: ServiceName
    listener: socket.socket
    arguments: Sequence[str] = ()
    token: str | None = None
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = field(default=RESTART_PAUSE)

    @property
    def url(self) -> str:
        """The service's address."""
        host, port = self.listener.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - the reverse of binding
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """Start the process, for the first time or again; its standard input is its lifeline to this one."""
        self._cut_lifeline()
        fd = self.listener.fileno()
        command = [sys.executable, "-m", "bioxen.cli", "serve", self.name, "--fd", str(fd), "--lifeline"]
        environment = os.environ | ({"BIOXEN_TOKEN": self.token} if self.token else {})
        self.process = subprocess.Popen(
            [*command, *self.arguments], stdin=subprocess.PIPE, pass_fds=[fd], env=environment
        )
        self.started_at = time.monotonic()

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait_until_stopped(self) -> None:
        """Wait for the end, and kill where it does not come."""
        if self.process is not None:
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._cut_lifeline()
        self.listener.close()

    def _cut_lifeline(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()


class Supervisor:
    """The services of one machine: computation services, and an orchestrator in front of them.

    Args:
        host: the address to bind.
        ports: (metabolic, kinetic, orchestrator); 0 takes a free port.
        replicas: how many of each computation service; those after the first take free ports.
        arguments: further arguments of `bioxen serve` for every service.
        compute_arguments: further arguments for the computation services alone.
        kinetic_arguments: further arguments for the kinetic services alone.
        orchestrator_arguments: further arguments for the orchestrator alone.
        token: the services' token; it travels in their environment, since arguments are public.

    Raises:
        ConfigurationError: a port is in use.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        ports: tuple[int, int, int] = (0, 0, 0),
        replicas: int = 1,
        arguments: Sequence[str] = (),
        compute_arguments: Sequence[str] = (),
        kinetic_arguments: Sequence[str] = (),
        orchestrator_arguments: Sequence[str] = KEEPING_NOTHING,
        token: str | None = None,
    ) -> None:
        common = ["--host", host, *arguments]
        self.services: list[ServiceProcess] = []
        with contextlib.ExitStack() as on_error:
            on_error.callback(self.close)
            computing: tuple[ServiceName, ...] = ("metabolic", "kinetic")
            for name, port in zip(computing, ports, strict=False):
                own = kinetic_arguments if name == "kinetic" else ()
                for number in range(replicas):
                    listener = bind(host, port if number == 0 else 0)
                    arguments = [*common, *compute_arguments, *own]
                    self.services.append(ServiceProcess(name, listener, arguments, token))
            targets = [part for s in self.services for part in (f"--{s.name}-url", s.url)]
            listener = bind(host, ports[2])
            self.services.append(
                ServiceProcess("orchestrator", listener, [*common, *targets, *orchestrator_arguments], token)
            )
            on_error.pop_all()

    @property
    def url(self) -> str:
        """The orchestrator's address."""
        return self.services[-1].url

    def start(self, on_healthy: Callable[[ServiceProcess], None] | None = None) -> Self:
        """Start every service and wait until all are healthy.

        Raises:
            ServiceUnavailableError: a service ended or did not become healthy in time.
        """
        for service in self.services:
            service.start()
        for service in self.services:
            self._wait_until_healthy(service)
            if on_healthy is not None:
                on_healthy(service)
        return self

    def _wait_until_healthy(self, service: ServiceProcess) -> None:
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            if service.process is not None and service.process.poll() is not None:
                raise ServiceUnavailableError(
                    f"The {service.name} service ended at its start, exit code {service.process.returncode}.",
                    details={"remedy": "Its words are above; `bioxen doctor` checks what it needs."},
                )
            if _is_healthy(service.url):
                return
            time.sleep(0.05)
        raise ServiceUnavailableError(
            f"The {service.name} service did not become healthy within {START_LIMIT:g} s.",
            details={"remedy": "`bioxen doctor` checks what it needs."},
        )

    def restart_ended(self, on_restart: Callable[[ServiceProcess], None]) -> None:
        """Start again each service that has ended, after a pause that grows while it keeps ending."""
        now = time.monotonic()
        for service in self.services:
            if service.process is None or service.process.poll() is None:
                continue
            if now - service.started_at > STABLE:
                service.pause = RESTART_PAUSE
            if now - service.started_at >= service.pause:
                service.pause = min(2 * service.pause, LONGEST_PAUSE)
                on_restart(service)
                service.start()

    def stop(self, name: ServiceName) -> None:
        """Stop every replica of a service for good: connections to it are refused from then on."""
        stopping = [service for service in self.services if service.name == name]
        self.services = [service for service in self.services if service.name != name]
        _stop(stopping)

    def close(self) -> None:
        """Stop every service, the orchestrator first so that it sees no dying replica."""
        _stop([service for service in self.services if service.name == "orchestrator"])
        _stop([service for service in self.services if service.name != "orchestrator"])
        self.services = []

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def _stop(services: Sequence[ServiceProcess]) -> None:
    for service in services:
        service.ask_to_stop()
    for service in services:
        service.wait_until_stopped()


def _is_healthy(url: str) -> bool:
    try:
        with contextlib.closing(Sockets()) as sockets:
            answer = sockets.send("GET", url + "/health", None, {}, HEALTH_PATIENCE)
        return bool(json.loads(answer.content)["status"] == "healthy")
    except (TransportError, ValueError, KeyError):
        return False
