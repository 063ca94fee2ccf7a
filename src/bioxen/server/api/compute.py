"""`POST /compute/metabolic` and `POST /compute/kinetic`: one process, computed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Any, cast

from fastapi import APIRouter, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from bioxen.errors import BioXenException
from bioxen.protocol.base import Message
from bioxen.protocol.kinetic import (
    AnyKineticRequest,
    AnyMembersRequest,
    KineticResult,
    MembersRequest,
    Route,
)
from bioxen.protocol.metabolic import AnyMetabolicRequest, MetabolicResult
from bioxen.protocol.processes import ROUTE_PATH, Service
from bioxen.protocol.request import ComputeRequest
from bioxen.server.api.lean import JSON, JsonRoute
from bioxen.server.api.problems import responses_for
from bioxen.server.cache import status as cache_status
from bioxen.server.engines.crossover import BY_RULE
from bioxen.server.orchestrator.assembling import gathering
from bioxen.server.orchestrator.computation import Computer, R
from bioxen.server.orchestrator.cutting import size_of
from bioxen.server.orchestrator.references import inside, refers
from bioxen.server.orchestrator.sharding import checked
from bioxen.server.orchestrator.texts import KeptTexts

FAULTS = responses_for(400, 404, 413, 422, 500, 501, 502, 503, 504, 507)


def compute_routes(
    computer: Computer, services: Iterable[Service], texts: KeptTexts | None = None
) -> APIRouter:
    """Return the compute routes of `services`, answered by `computer`.

    The workers' bytes go out as they are: the response models below document them.

    Args:
        computer: computes.
        services: which of the two.
        texts: what handles stand for, where orchestrators send them in place of large texts.
    """
    router = APIRouter(tags=["compute"])

    def whole(request: R) -> R:
        return request if texts is None else cast(R, texts.whole(request))

    async def compute_metabolic(request: AnyMetabolicRequest) -> Response:
        """Run one constraint-based analysis. Infeasible and unbounded are results, with status 200."""
        return await _computed(computer, whole(request))

    async def compute_kinetic(request: AnyKineticRequest) -> Response:
        """Run one analysis of a kinetic model. A failed integration is a result, with status 200."""
        return await _computed(computer, whole(request))

    async def route_study(request: AnyMembersRequest) -> Response:
        """Tell where the members of a study run; what is not known of its program is measured.

        The parts of a study that bring this route are computed the same way everywhere.
        """
        routed = await computer.routed(whole(request))
        return Response((routed.route or BY_RULE).model_dump_json(), media_type=JSON)

    async def stream_metabolic(request: AnyMetabolicRequest) -> AsyncIterator[ServerSentEvent]:
        """Run one analysis and send its parts as they are done: events `shard`, then `end`, or `problem`.

        Batches and double deletion studies have many parts; anything else is one.
        """
        async for event in _events(computer, request):
            yield event

    async def stream_kinetic(request: AnyKineticRequest) -> AsyncIterator[ServerSentEvent]:
        """Run one analysis and send its parts as they are done: events `shard`, then `end`, or `problem`.

        Studies over many members have many parts; anything else is one. Where a conclusion over all members
        was asked for, `end` has the whole result.
        """
        async for event in _events(computer, request):
            yield event

    if "static" in services:
        _add(router, "/compute/metabolic", compute_metabolic, MetabolicResult)
        router.post("/compute/metabolic/stream", response_class=EventSourceResponse, responses=FAULTS)(
            stream_metabolic
        )
    if "dynamic" in services:
        _add(router, "/compute/kinetic", compute_kinetic, KineticResult)
        _add(router, ROUTE_PATH, route_study, Route)
        router.post("/compute/kinetic/stream", response_class=EventSourceResponse, responses=FAULTS)(
            stream_kinetic
        )
    return router


def _add(router: APIRouter, path: str, answer: Callable[..., Any], result: type[Message]) -> None:
    router.add_api_route(
        path,
        answer,
        methods=["POST"],
        response_model=result,
        responses=FAULTS,
        route_class_override=JsonRoute,
    )


async def _computed(computer: Computer, request: ComputeRequest) -> Response:
    """Return the result; the time it took and whether it was known are headers, so bodies stay equal."""
    start = time.perf_counter()
    with cache_status.watching() as seen:
        result = await computer.compute(request)
    told = seen.headers(time.perf_counter() - start)
    return Response(result, media_type=JSON, headers=told)


async def _events(computer: Computer, request: ComputeRequest) -> AsyncIterator[ServerSentEvent]:
    """Give a `shard` event for each part (its offset, its numbers, the progress), then `end`.

    The answer has begun when a fault comes, so the fault is an event too: `problem`, with the usual body.
    """
    total, done = size_of(request), 0
    study = request if isinstance(request, MembersRequest) and request.concludes else None
    gathered = gathering(study) if study else None
    parts = computer.parts(inside(request) if study and refers(study) else request)
    try:
        async with aclosing(checked(study, parts) if study else parts) as shards:
            async for shard in shards:
                done += shard.size
                part = {"offset": shard.offset, "done": done, "total": total, "result": shard.result}
                yield ServerSentEvent(event="shard", data=part)
                if gathered:
                    await asyncio.to_thread(gathered.add, shard.result)
    except BioXenException as error:
        yield ServerSentEvent(event="problem", data=error.to_problem())
        return
    end: dict[str, Any] = {"done": done, "total": total}
    if gathered:
        end["result"] = await asyncio.to_thread(gathered.result)
    yield ServerSentEvent(event="end", data=end)
