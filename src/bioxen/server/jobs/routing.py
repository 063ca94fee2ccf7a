"""One route for all parts of a job, also for those that another server or replica computes after a crash."""

from __future__ import annotations

import asyncio

import msgspec

from bioxen.errors import ComputationError
from bioxen.protocol.kinetic import MembersRequest, Route
from bioxen.protocol.request import ComputeRequest
from bioxen.server.engines.crossover import is_open
from bioxen.server.jobs.patience import PatientStore
from bioxen.server.jobs.running import Running
from bioxen.server.orchestrator.computation import Computer


async def routed(
    running: Running, request: ComputeRequest, computer: Computer, store: PatientStore
) -> ComputeRequest:
    """Return a part's request with the route of the job's study; itself where there is nothing to decide.

    The route is that of the parts that are finished, or the one that `computer` says first.
    """
    if not isinstance(request, MembersRequest) or not is_open(request):
        return request
    async with running.deciding:
        if running.route is None:
            running.route = await _taken(running, store) or (await computer.routed(request)).route
    return request.model_copy(update={"route": running.route})


async def _taken(running: Running, store: PatientStore) -> Route | None:
    """Return the route that a finished part took; `None` where none is, or none can be read."""
    for digest in running.finished.values():
        try:
            return await asyncio.to_thread(_told, await store.fetch(digest))
        except ComputationError:  # lost: it will be computed again
            continue
    return None


def _told(result: bytes) -> Route | None:
    """Return the route that the settings of a result tell of (`kinetic.routing.told`), where they do."""
    settings = msgspec.json.decode(result)["provenance"]["settings"]
    if "route" not in settings:
        return None
    source, _, note = settings["route"].partition(": ")
    return Route(source=source, note=note or None, lanes=settings["lanes_from"], gpu=settings["gpu_from"])
