"""The orchestrator: it passes each request to a healthy replica, and to the next one when that fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing

from bioxen._version import VERSION
from bioxen.errors import (
    BioXenException,
    ComputationTimeoutError,
    ConfigurationError,
    OverloadError,
    ServiceUnavailableError,
)
from bioxen.protocol.kinetic import KineticRequest, MembersRequest, Route
from bioxen.protocol.processes import COMPUTE_PATHS, Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport, HealthStatus, ReplicaInfo
from bioxen.server import unexpected
from bioxen.server.engines.crossover import BY_RULE, is_open
from bioxen.server.engines.models import given_text, model_name
from bioxen.server.orchestrator.callers import Caller, HinderedError, NoAnswerError
from bioxen.server.orchestrator.computation import R
from bioxen.server.orchestrator.cutting import needs_shards, pieces
from bioxen.server.orchestrator.gates import ServiceGate
from bioxen.server.orchestrator.owned import known_as
from bioxen.server.orchestrator.references import Arrays, inside, referred, refers, refuse_references
from bioxen.server.orchestrator.replicas import Replica, choose, in_order, places
from bioxen.server.orchestrator.sharding import Shard, compute_in_shards, shards
from bioxen.server.sharing.gate import PER_OWNER

PROBE_EVERY = 1.0
PROBE_TIMEOUT = 3.0
ROUTE_PATIENCE = 180.0
"""Seconds that the route of a study may take: measuring has a limit of its own, and may wait in the queue."""
GRACE = 10.0
"""Seconds beyond the deadlines, of a computation and of those before it, that an answer is waited for."""
log = logging.getLogger("bioxen.orchestrator")


class ComputationOrchestrator:
    """Several replicas of each service behind one address.

    Args:
        replicas: (service, URL) of each replica known from the start; more may register later.
        caller: asks the replicas, over the network or in this process.
        deadline: seconds a computation may take where its request does not say.
        in_flight_limit: requests that wait or are under way at once; one more is refused with Retry-After.
        per_owner: requests of one owner that may wait for each service.
        arrays: keeps the arrays of results; without it there are none by reference.
    """

    def __init__(
        self,
        replicas: Iterable[tuple[Service, str]],
        caller: Caller,
        *,
        deadline: float = 60.0,
        in_flight_limit: int = 10_000,
        per_owner: int = PER_OWNER,
        arrays: Arrays | None = None,
    ) -> None:
        self._arrays = arrays
        self._caller = caller
        self._deadline = deadline
        self._in_flight_limit = in_flight_limit
        self._replicas: dict[str, Replica] = {}
        self._gates = {service: ServiceGate(per_owner) for service in COMPUTE_PATHS}
        self._promised: defaultdict[str, float] = defaultdict(float)
        """URL → the deadlines of all that is under way there, s: what is sent may wait for so long."""
        self._started = time.monotonic()
        for service, url in replicas:
            self.register(service, url)

    # -- registry ------------------------------------------------------------------------------

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

    # -- requests ------------------------------------------------------------------------------

    async def compute(self, request: ComputeRequest) -> bytes:
        """Return the encoded result of `request` from the first replica that answers; large ones in parts.

        Every computation is pure, so one that got no answer may be asked again elsewhere.

        Raises:
            OverloadError: the orchestrator or every healthy replica is full.
            ServiceUnavailableError: no replica could be reached.
            BioXenException: what the replica answered, as the same class.
        """
        if self._arrays is None:
            refuse_references(request)
        request = await self.routed(request)
        if needs_shards(request):
            return await compute_in_shards(request, self.compute, self._arrays)
        if self._arrays is not None and refers(request):
            result = await self.compute(inside(request))
            return await asyncio.to_thread(referred, request, result, self._arrays)
        if self._in_all() >= self._in_flight_limit:
            raise _overload(f"{self._in_flight_limit} requests are under way.")
        service: Service = "dynamic" if isinstance(request, KineticRequest) else "static"
        key = _affinity_key(request)
        async with self._gates[service].turn():
            result = await self._ask_in_turn(service, key, request)
        return result if request.known_as is None else known_as(result, request.known_as)

    async def parts(self, request: ComputeRequest) -> AsyncGenerator[Shard]:
        """Give the answers to the parts of `request`, each as soon as it is there; raises as `compute`."""
        async with aclosing(shards(await self.routed(request), self.compute)) as answers:
            async for shard in answers:
                yield shard

    async def routed(self, request: R) -> R:
        """Return `request` with its route (`Computer.routed`), which its model's favourite replica decides.

        Where none answers, the fixed rule holds for all parts.

        Raises:
            BioXenException: what the replica answered, as the same class.
        """
        if not isinstance(request, MembersRequest) or not is_open(request):
            return request
        first = next(pieces(inside(request))).request
        assert isinstance(first, MembersRequest)  # noqa: S101 - a part of a study is one
        route = await self._route(first, _affinity_key(request))
        return request.model_copy(update={"route": route})

    async def _route(self, first: MembersRequest, key: str) -> Route:
        dynamic = [replica for replica in self._replicas.values() if replica.service == "dynamic"]
        overload: OverloadError | None = None
        for replica in in_order(dynamic, key):
            try:
                return await self._caller.route(replica.url, first, ROUTE_PATIENCE)
            except OverloadError as error:
                overload = error
            except HinderedError as error:
                log.info("Too busy to ask %s: %s", replica.url, error)
                raise _overload("The orchestrator has too much to do.") from error
            except (NoAnswerError, TimeoutError) as error:
                log.info("%s told no route: %s", replica.url, str(error) or "no answer in time")
        if overload is not None:
            raise overload
        return BY_RULE

    async def _ask_in_turn(self, service: Service, key: str, request: ComputeRequest) -> bytes:
        remaining = {url for url, replica in self._replicas.items() if replica.service == service}
        overload: OverloadError | None = None
        while replica := choose((self._replicas[url] for url in remaining if url in self._replicas), key):
            remaining.discard(replica.url)
            if replica.is_full:
                overload = _overload(f"{replica.in_flight} requests are under way to {replica.url}.")
                continue
            try:
                return await self._ask(service, replica.url, request)
            except OverloadError as error:
                overload = error
            except HinderedError as error:
                log.info("Too busy to ask %s: %s", replica.url, error)
                raise _overload("The orchestrator has too much to do.") from error
            except NoAnswerError as error:
                log.info("%s gave no answer: %s", replica.url, error)
        raise overload or self._unavailable(service)

    async def _ask(self, service: Service, url: str, request: ComputeRequest) -> bytes:
        deadline = request.deadline or self._deadline
        timeout = self._promised[url] + deadline + GRACE
        try:
            async with self._in_flight(url, deadline):
                return await self._caller.compute(service, url, request, timeout)
        except TimeoutError:
            raise ComputationTimeoutError(
                f"{url} gave no answer within {timeout:g} s.",
                details={"remedy": "Ask for less, or give a longer deadline."},
            ) from None

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

    # -- health --------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Probe every replica, again and again, until cancelled."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_EVERY)

    async def probe(self) -> None:
        """Probe every replica once."""
        await asyncio.gather(*(self._probe(url) for url in list(self._replicas)))

    async def _probe(self, url: str) -> None:
        try:
            report = await self._caller.health(url, PROBE_TIMEOUT)
        except HinderedError as error:
            log.info("Too busy to probe %s: %s", url, error)
            return
        except (NoAnswerError, TimeoutError) as error:
            reason = str(error) or f"no answer within {PROBE_TIMEOUT:g} s"
            self._change(url, lambda replica: replica.probe_failed(reason))
            return
        except Exception as error:
            fault = unexpected.told(error, f"a probe of {url}", log)
            self._change(url, lambda replica: replica.probe_failed(fault.message))
            return
        if report.status == "unhealthy":
            self._change(url, lambda replica: replica.probe_failed("it says that it is unhealthy"))
        else:
            self._change(url, lambda replica: replica.probed(report.workers))


def _overload(why: str) -> OverloadError:
    return OverloadError(why, details={"retry_after": 1, "remedy": "Try again in a second."})


def _affinity_key(request: ComputeRequest) -> str:
    """Return what stands for the request's model: its text, or its name."""
    given = given_text(request)
    return given.text if given else model_name(request)
