"""The orchestrator: it passes each request to a healthy replica, and to the next one when that fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from bioxen.errors import ComputationTimeoutError, OverloadError
from bioxen.protocol.kinetic import KineticRequest, MembersRequest, Route
from bioxen.protocol.processes import Service
from bioxen.protocol.request import ComputeRequest
from bioxen.server.bytecode.lately import Digests
from bioxen.server.engines.crossover import BY_RULE, is_open
from bioxen.server.engines.models import given_text, model_name
from bioxen.server.orchestrator.callers import Caller, HinderedError, NoAnswerError
from bioxen.server.orchestrator.computation import R
from bioxen.server.orchestrator.cutting import needs_shards, pieces
from bioxen.server.orchestrator.owned import known_as
from bioxen.server.orchestrator.references import Arrays, inside, referred, refers, refuse_references
from bioxen.server.orchestrator.replicas import choose, in_order
from bioxen.server.orchestrator.sharding import Shard, compute_in_shards, shards
from bioxen.server.orchestrator.watching import WatchedReplicas
from bioxen.server.sharing.gate import PER_OWNER

ROUTE_PATIENCE = 180.0
"""Seconds that the route of a study may take: measuring has a limit of its own, and may wait in the queue."""
GRACE = 10.0
"""Seconds beyond the deadlines, of a computation and of those before it, that an answer is waited for."""
log = logging.getLogger("bioxen.orchestrator")


class ComputationOrchestrator(WatchedReplicas):
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
        super().__init__(replicas, caller, per_owner)
        self._arrays = arrays
        self._deadline = deadline
        self._in_flight_limit = in_flight_limit
        self._digests = Digests()

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
        key = self._affinity_key(request)
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
        route = await self._route(first, self._affinity_key(request))
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

    def _affinity_key(self, request: ComputeRequest) -> str:
        """Return what stands for the request's model: the digest of its text, or its name."""
        given = given_text(request)
        return self._digests.of(given.text) if given else model_name(request)


def _overload(why: str) -> OverloadError:
    return OverloadError(why, details={"retry_after": 1, "remedy": "Try again in a second."})
