"""All parts of a job run the same way, also those that are computed after a crash, elsewhere."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from bioxen.errors import ComputationError
from bioxen.protocol.kinetic import EnsembleRequest, MembersRequest, Route, Uniform
from bioxen.protocol.request import ComputeRequest
from bioxen.server.jobs.patience import PatientStore
from bioxen.server.jobs.routing import routed
from bioxen.server.jobs.running import Running
from bioxen.server.orchestrator.computation import Computer
from bioxen.server.orchestrator.cutting import parts_of

STUDY = EnsembleRequest(members=1000, distributions={"k": Uniform(kind="uniform", lower=0.4, upper=0.6)})
HERE = Route(lanes=40, source="measured")


class Decider:
    """Decides for a route, after a while."""

    def __init__(self) -> None:
        self.asked = 0

    async def routed(self, request: EnsembleRequest) -> EnsembleRequest:
        self.asked += 1
        await asyncio.sleep(0.01)
        return request.model_copy(update={"route": HERE})


class Kept:
    """Results of parts."""

    def __init__(self, results: dict[str, dict[str, Any]]) -> None:
        self._results = results

    async def fetch(self, digest: str) -> bytes:
        if digest not in self._results:
            raise ComputationError("lost")
        return json.dumps({"provenance": {"settings": self._results[digest]}}).encode()


def routes_of(
    decider: Decider,
    finished: dict[int, str],
    kept: dict[str, dict[str, Any]],
    request: ComputeRequest = STUDY,
) -> set[Route | None]:
    parts = parts_of(request)
    running = Running("job", "ada", 0, request, "", iter([]), len(parts), finished)

    async def ask() -> list[ComputeRequest]:
        asked = (
            routed(running, part.request, cast(Computer, decider), cast(PatientStore, Kept(kept)))
            for part in parts
        )
        return await asyncio.gather(*asked)

    return {part.route for part in asyncio.run(ask()) if isinstance(part, MembersRequest)}


def test_the_first_part_decides_for_all() -> None:
    decider = Decider()
    assert routes_of(decider, {}, {}) == {HERE}
    assert decider.asked == 1


def test_after_a_crash_the_route_of_finished_parts_is_taken() -> None:
    decider = Decider()
    there = {"route": "fixed: not measured: why: not", "lanes_from": 64, "gpu_from": None}
    kept = {"second": there, "third": there}
    found = routes_of(decider, {0: "first, which is lost", 1: "second", 2: "third"}, kept)
    assert found == {Route(lanes=64, source="fixed", note="not measured: why: not")}
    assert decider.asked == 0


def test_where_no_finished_part_tells_it_is_decided_again() -> None:
    decider = Decider()
    assert routes_of(decider, {0: "lost", 1: "old"}, {"old": {"method": "lanes"}}) == {HERE}
    assert decider.asked == 1


def test_a_named_engine_is_not_decided_about() -> None:
    decider = Decider()
    assert routes_of(decider, {}, {}, STUDY.model_copy(update={"engine": "lanes"})) == {None}
    assert decider.asked == 0
