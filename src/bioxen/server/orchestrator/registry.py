"""The replicas behind an orchestrator: which there are, how they are, and how much is under way to each."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable

from bioxen._version import VERSION
from bioxen.errors import BioXenException, ConfigurationError, ServiceUnavailableError
from bioxen.protocol.processes import COMPUTE_PATHS, Service
from bioxen.protocol.services import HealthReport, HealthStatus, ReplicaInfo
from bioxen.server.orchestrator.callers import NoAnswerError
from bioxen.server.orchestrator.gates import ServiceGate
from bioxen.server.orchestrator.replicas import Replica, places

PROBE_EVERY = 1.0
"""Seconds between two probes of a replica."""


class Registry:
    """Several replicas of each service, and the gates before them.

    Args:
        replicas: (service, URL) of each replica known from the start; more may register later.
        per_owner: requests of one owner that may wait for each service.
    """

    def __init__(self, replicas: Iterable[tuple[Service, str]], per_owner: int) -> None:
        self._replicas: dict[str, Replica] = {}
        self._gates = {service: ServiceGate(per_owner) for service in COMPUTE_PATHS}
        self._promised: defaultdict[str, float] = defaultdict(float)
        """URL → the deadlines of all that is under way there, s: what is sent may wait for so long."""
        self._started = time.monotonic()
        for service, url in replicas:
            self.register(service, url)

    def register(self, service: Service, url: str) -> Replica:
        """Add the replica at `url`, or return the one that is there.

        Raises:
            ConfigurationError: that URL is registered for the other service.
        """
        url = url.rstrip("/")
        known = self._replicas.setdefault(url, Replica(service, url))
        self._widen(known.service)
        if known.service != service:
            raise ConfigurationError(
                f"{url} is registered as a {known.service} service.",
                details={"place": "url", "remedy": "Remove it first, or give another URL."},
            )
        return known

    def unregister(self, url: str) -> None:
        """Forget the replica at `url`; requests it is answering still come back.

        Raises:
            ConfigurationError: no such replica.
        """
        removed = self._replicas.pop(url.rstrip("/"), None)
        if removed is None:
            known = ", ".join(self._replicas) or "none"
            raise ConfigurationError(
                f"No replica is registered at {url}.",
                details={"place": "url", "remedy": f"The registered ones: {known}."},
            )
        self._widen(removed.service)

    def replicas(self) -> list[ReplicaInfo]:
        """Return every replica with its state."""
        return [
            ReplicaInfo(
                service=replica.service,
                url=replica.url,
                state=replica.state,
                in_flight=replica.in_flight,
                answered=replica.answered,
                failed=replica.failed,
                reason=replica.reason,
            )
            for replica in self._replicas.values()
        ]

    def waiting(self) -> dict[Service, int]:
        """Return how many requests wait for a turn of their owners at each service."""
        return {service: gate.waiting for service, gate in self._gates.items()}

    def health(self) -> HealthReport:
        """Return `healthy` where each service has replicas and all are, `unhealthy` where none is."""
        states = [(replica.service, replica.state) for replica in self._replicas.values()]
        computing = {service for service, state in states if state == "healthy"}
        status: HealthStatus = "degraded" if computing else "unhealthy"
        if computing == set(COMPUTE_PATHS) and all(state == "healthy" for _, state in states):
            status = "healthy"
        return HealthReport(
            service="orchestrator",
            status=status,
            bioxen_version=VERSION,
            uptime=time.monotonic() - self._started,
            engines=[],
            workers=None,
        )

    @contextlib.asynccontextmanager
    async def _in_flight(self, url: str, deadline: float) -> AsyncIterator[None]:
        """Count a request to the replica at `url` and note how it ended."""
        self._promised[url] += deadline
        self._change(url, Replica.sent)
        try:
            yield
        except NoAnswerError as error:
            reason = str(error)
            self._change(url, lambda replica: replica.lost(reason))
            raise
        except BioXenException:  # a fault is an answer too
            self._change(url, Replica.returned)
            raise
        except BaseException:
            self._change(url, Replica.dropped)
            raise
        else:
            self._change(url, Replica.returned)
        finally:
            self._promised[url] -= deadline

    def _change(self, url: str, change: Callable[[Replica], Replica]) -> None:
        before = self._replicas.get(url)
        if before is None:
            return
        after = self._replicas[url] = change(before)
        if (before.state, before.workers) != (after.state, after.workers):
            self._widen(after.service)

    def _widen(self, service: Service) -> None:
        """Let as many requests pass as the replicas of a service can compute."""
        theirs = (replica for replica in self._replicas.values() if replica.service == service)
        self._gates[service].widen(places(theirs))

    def _in_all(self) -> int:
        """Return how many requests wait or are under way."""
        under_way = sum(replica.in_flight for replica in self._replicas.values())
        return under_way + sum(gate.waiting for gate in self._gates.values())

    def _unavailable(self, service: Service) -> ServiceUnavailableError:
        reasons = {r.url: r.reason for r in self._replicas.values() if r.service == service}
        return ServiceUnavailableError(
            f"No healthy replica of the {service} service.",
            details={
                "replicas": reasons,
                "retry_after": PROBE_EVERY,
                "remedy": "See GET /services; `bioxen up` starts every service.",
            },
        )
