"""What passes the orchestrator to the replicas: turns, parts, and how long an answer is waited for."""

from __future__ import annotations

import asyncio
import json

from tests.server.orchestrator.test_orchestrator import ONE, REPORT

from bioxen.protocol.kinetic import MembersRequest, Route
from bioxen.protocol.metabolic import BatchRequest, FbaRequest, Variant
from bioxen.protocol.processes import Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport, WorkerHealth
from bioxen.server.orchestrator.cutting import SHARD
from bioxen.server.orchestrator.orchestrator import GRACE, ComputationOrchestrator
from bioxen.server.orchestrator.replicas import SLACK
from bioxen.server.sharing.owners import working_for
from bioxen.server.workers import urgency

WORKERS = 2
WIDTH = WORKERS + SLACK


class Holding:
    """A replica with two workers that answers when it is told to, and notes what it was asked."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.asked: list[bool] = []
        """Whether each request came in the background."""
        self.patience: list[float] = []

    async def compute(self, service: Service, url: str, request: ComputeRequest, patience: float) -> bytes:
        self.asked.append(urgency.is_background())
        self.patience.append(patience)
        await self.go_on.wait()
        return json.dumps({"status": "infeasible", "batch": None}).encode()

    async def health(self, url: str, patience: float) -> HealthReport:
        workers = WorkerHealth(
            size=WORKERS, ready=WORKERS, busy=0, queued=0, queue_limit=99, replaced=0, completed=0
        )
        return REPORT.model_copy(update={"workers": workers})

    async def route(self, url: str, request: MembersRequest, patience: float) -> Route:
        raise AssertionError("no study was asked for")

    async def close(self) -> None:
        pass


async def started(replica: Holding) -> ComputationOrchestrator:
    asked = ComputationOrchestrator([("static", ONE)], replica, deadline=5.0)
    await asked.probe()
    return asked


async def send(
    asked: ComputationOrchestrator, request: ComputeRequest, owner: str | None
) -> asyncio.Task[bytes]:
    with working_for(owner):
        task = asyncio.create_task(asked.compute(request))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


def test_parts_of_a_large_request_leave_the_places_of_single_ones() -> None:
    async def main() -> None:
        replica = Holding()
        asked = await started(replica)
        large = BatchRequest(process_code="metabolic_batch", variants=[Variant()] * (SHARD * 20))
        tasks = [await send(asked, large, "ada")]
        assert replica.asked == [True] * WIDTH
        assert asked.waiting()["static"] == 20 - WIDTH
        tasks += [await send(asked, FbaRequest(), "ada") for _ in range(WIDTH + 1)]
        assert replica.asked == [True] * WIDTH + [False] * WIDTH
        tasks.append(await send(asked, FbaRequest(), None))  # a job's, which had its turn
        assert len(replica.asked) == 2 * WIDTH + 1
        replica.go_on.set()
        await asyncio.gather(*tasks)
        assert asked.waiting()["static"] == 0
        assert asked.replicas()[0].answered == 20 + WIDTH + 2

    asyncio.run(main())


def test_who_waits_in_the_queue_of_a_replica_has_time_for_it() -> None:
    async def main() -> None:
        replica = Holding()
        asked = await started(replica)
        requests = [FbaRequest(), FbaRequest(deadline=30.0), FbaRequest()]
        tasks = [await send(asked, request, "ada") for request in requests]
        assert replica.patience == [5.0 + GRACE, 35.0 + GRACE, 40.0 + GRACE]
        replica.go_on.set()
        await asyncio.gather(*tasks)
        await (await send(asked, FbaRequest(), "ada"))
        assert replica.patience[-1] == 5.0 + GRACE

    asyncio.run(main())


def test_without_a_healthy_replica_nobody_waits_for_a_turn() -> None:
    async def main() -> None:
        replica = Holding()
        asked = await started(replica)
        tasks = [await send(asked, FbaRequest(), "ada") for _ in range(WIDTH + 3)]
        assert asked.waiting()["static"] == 3
        asked.unregister(ONE)
        replica.go_on.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(one, bytes) for one in found) == WIDTH
        assert asked.waiting()["static"] == 0

    asyncio.run(main())
