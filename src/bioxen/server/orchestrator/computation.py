"""One computation service: it finds the model a request is about and hands the request to the workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import msgspec

from bioxen._version import VERSION
from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import MembersRequest
from bioxen.protocol.processes import Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport, HealthStatus, TaskProgress
from bioxen.server.accelerators.book import Subject
from bioxen.server.bytecode.lately import Lately
from bioxen.server.bytecode.repository import Repository
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.cache import fresh
from bioxen.server.cache import status as cache_status
from bioxen.server.cache.answers import AnswerCache
from bioxen.server.cache.canonical import addressed, canonical, key_of
from bioxen.server.cache.flights import Flights
from bioxen.server.engines.crossover import Crossover, is_open
from bioxen.server.engines.models import GivenText, check_kind, given_text, model_name
from bioxen.server.orchestrator.cutting import needs_shards, pieces
from bioxen.server.orchestrator.references import refuse_references
from bioxen.server.orchestrator.routing import FixedRouting, Routing
from bioxen.server.orchestrator.sharding import Shard, compute_in_shards, shards
from bioxen.server.workers.base import Task, WorkerPool

ENGINES: dict[Service, str] = {"static": "metabolic", "dynamic": "kinetic"}
"""The engine that each service runs."""

REPLACEMENT_LIMIT = 10.0
"""Seconds without a ready worker until the service says that it does not compute: replacing takes less."""

SCAN_IN_THREAD = 100_000
"""Characters from which a model is scanned in a thread, so that the event loop is not held up."""


R = TypeVar("R", bound=ComputeRequest)


class Computer(Protocol):
    """Whatever answers compute requests: a service itself, or an orchestrator in front of several."""

    async def compute(self, request: ComputeRequest) -> bytes:
        """Return the encoded result of `request`."""
        ...

    def parts(self, request: ComputeRequest) -> AsyncGenerator[Shard]:
        """Give the answers to the parts of `request`, each as soon as it is there."""
        ...

    async def routed(self, request: R) -> R:
        """Return `request` with the route of its members, where it leaves that open; else itself."""
        ...

    def health(self) -> HealthReport:
        """Return the state of things now."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """The model of a request: its digest, and its text where that came with the request."""

    digest: str
    source: ModelSource | None


class ComputationService:
    """The static or the dynamic service.

    Args:
        service: which of the two.
        pool: its workers.
        repository: where models are found by name.
        deadline: seconds a computation may take where its request does not say.
        cache_bytes: how much of exact answers is kept; 0 keeps none.
        routing: decides where kinetic studies run; by the fixed rule where absent.
    """

    def __init__(
        self,
        service: Service,
        pool: WorkerPool,
        repository: Repository,
        *,
        deadline: float = 60.0,
        cache_bytes: int = 0,
        routing: Routing | None = None,
    ) -> None:
        self.service = service
        self.pool = pool
        self.repository = repository
        self.deadline = deadline
        self.cache = AnswerCache(cache_bytes)
        self._routing = routing or FixedRouting()
        self._flights = Flights()
        self._lately = Lately()
        self._started = self._last_ready = time.monotonic()

    def health(self) -> HealthReport:
        """Return the health of the service and its workers."""
        workers, now = self.pool.health(), time.monotonic()
        if workers.ready:
            self._last_ready = now
        status: HealthStatus = "healthy" if workers.ready >= workers.size else "degraded"
        if now - self._last_ready > REPLACEMENT_LIMIT:
            status = "unhealthy"
        return HealthReport(
            service=self.service,
            status=status,
            bioxen_version=VERSION,
            uptime=time.monotonic() - self._started,
            engines=list(self.pool.engines),
            workers=workers,
        )

    async def compute(self, request: ComputeRequest) -> bytes:
        """Return the encoded result of `request`; a large one is cut into parts.

        Raises:
            BioXenException: see `WorkerPool.run`, `Repository.find` and `admit`.
        """
        refuse_references(request)
        model = await self._model(request)  # once, whatever the number of shards: a text is scanned for it
        request = await self._routed(request, model)
        if needs_shards(request):
            return await compute_in_shards(request, lambda part: self._run(part, model))
        return await self._run(request, model)

    def progress(self, request_id: str) -> TaskProgress | None:
        """Return how far a computation of the request with that id is (`WorkerPool.progress`)."""
        return self.pool.progress(request_id)

    async def parts(self, request: ComputeRequest) -> AsyncGenerator[Shard]:
        """Give the answers to the parts of `request`, each as soon as it is there; raises as `compute`."""
        refuse_references(request)
        model = await self._model(request)
        request = await self._routed(request, model)
        async with aclosing(shards(request, lambda part: self._run(part, model))) as answers:
            async for shard in answers:
                yield shard

    async def routed(self, request: R) -> R:
        """Return `request` with the route of its members (`Computer.routed`).

        Raises:
            BioXenException: the model is not there or not sound, or no worker can measure it now.
        """
        return await self._routed(request, await self._model(request)) if is_open(request) else request

    async def _routed(self, request: R, model: Model) -> R:
        if not isinstance(request, MembersRequest) or not is_open(request):
            return request
        measure = partial(self._measure, request, model)
        route = await self._routing.route(request, model.digest, measure)
        return request.model_copy(update={"route": route})

    async def _measure(
        self, request: MembersRequest, model: Model, subject: Subject, limit: float
    ) -> Crossover:
        """Return how fast the first members of `request` run each way, on a worker."""
        first = next(pieces(request)).request
        payload = msgspec.json.encode({"study": msgspec.Raw(canonical(first)), "gpu": subject.gpu})
        task = Task(
            ENGINES[self.service],
            payload,
            model.digest,
            model.source,
            deadline=limit,
            measure=True,
            heard=None,  # it is not what was asked for
        )
        return Crossover.model_validate_json((await self.pool.solve(task)).result)

    async def _run(self, request: ComputeRequest, model: Model) -> bytes:
        task = Task(
            engine=ENGINES[self.service],
            payload=canonical(request),
            digest=model.digest,
            source=model.source,
            deadline=request.deadline or self.deadline,
        )
        if self.cache.limit and not fresh.is_wanted():
            answer = await self._remembered(task, model)
        else:
            cache_status.note("off")
            answer = await self._solved(None, task)
        return addressed(answer, request.vm_id)

    async def _remembered(self, task: Task, model: Model) -> bytes:
        """Return the answer from the cache, from an equal request under way, or from a worker."""
        key = key_of(task.payload, model.digest, model.source is None, self.pool.engines)
        known = self.cache.get(key)
        if known is not None:
            cache_status.note("hit")
            return known
        flight = (key, task.deadline)  # who allows more time must not meet another's timeout
        if flight in self._flights:
            self.cache.shared += 1
            cache_status.note("shared")
        else:
            self.cache.misses += 1
            cache_status.note("miss")
        return await self._flights.join(flight, lambda: self._solved(key, task))

    async def _solved(self, key: bytes | None, task: Task) -> bytes:
        solved = await self.pool.solve(task)
        cache_status.add_seconds(solved.seconds)
        if solved.exact and key is not None:
            self.cache.put(key, solved.result)
        return solved.result

    async def _model(self, request: ComputeRequest) -> Model:
        given = given_text(request)
        return self._named_model(request) if given is None else await _scanned(given, self._lately)

    def _named_model(self, request: ComputeRequest) -> Model:
        info = self.repository.find(model_name(request))
        check_kind(info, "metabolic" if self.service == "static" else "kinetic")
        return Model(info.digest, None)


async def _scanned(given: GivenText, lately: Lately) -> Model:
    try:
        if len(given.text) < SCAN_IN_THREAD:
            source = lately.admit(given.text, given.format)
        elif (known := lately.known(given.text, given.format)) is not None:
            source = known
        else:
            source = await asyncio.to_thread(lately.admit, given.text, given.format)
    except InvalidModelError as error:
        error.details.setdefault("field", given.field)
        raise
    return Model(source.digest, source)
