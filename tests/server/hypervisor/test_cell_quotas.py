"""Quotas of kept cells at work: what a cell computes counts, forks have them too, a flood has bounds."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.server.hypervisor.bench import SECONDS, Bench, Metered
from tests.server.hypervisor.test_cell_jobs import Server, served

from bioxen.errors import BioXenException, ResourceExhaustionError, VmStateError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import CellProcessCall, Delta, VmSpec
from bioxen.protocol.jobs import Job
from bioxen.protocol.lineage import ForkSpec
from bioxen.protocol.quotas import CellQuotas, Quotas
from bioxen.protocol.request import ComputeRequest
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.store import jobs
from bioxen.server.store.cell_quotas import CellGate
from bioxen.server.store.owners import LOCAL

FBA = CellProcessCall(process_code="metabolic_fba")
GROW = CellProcessCall(process_code="metabolic_dfba", context={"time_end": 1.0}, advance=True)


@pytest.fixture
def metered(bench: Bench) -> Bench:
    bench.services = Metered()
    bench.cells.ask(bench.services.client())
    return bench


def made(bench: Bench, vm_id: str, **quotas: Any) -> None:
    spec = VmSpec(vm_id=vm_id, biological_type="ecoli", quotas=parse(CellQuotas, quotas))
    bench.do(bench.cells.create(LOCAL, [spec]))
    bench.do(bench.cells.act(LOCAL, [vm_id], "start"))


def used(bench: Bench, vm_id: str) -> float:
    return bench.do(bench.cells.resources(LOCAL, vm_id)).usage.cpu_seconds


def refused(bench: Bench, call: Any, quota: str) -> None:
    with pytest.raises(ResourceExhaustionError) as told:
        bench.do(call)
    assert (told.value.details["vm_id"], told.value.details["quota"]) == ("culture", quota)
    assert "bioxen cells quota" in told.value.details["remedy"]


def test_processes_count_by_what_workers_report_until_the_quota_is_used_up(metered: Bench) -> None:
    made(metered, "culture", cpu_seconds=5.0)
    made(metered, "plain")
    for _ in range(3):
        metered.do(metered.cells.processes.execute(LOCAL, "culture", FBA))
        metered.do(metered.cells.processes.execute(LOCAL, "plain", FBA))
    refused(metered, metered.cells.processes.execute(LOCAL, "culture", FBA), "cpu_seconds")
    refused(metered, metered.cells.processes.replay(LOCAL, "culture", 0, 10), "cpu_seconds")
    metered.do(metered.cells.processes.execute(LOCAL, "plain", FBA))
    assert (used(metered, "culture"), used(metered, "plain")) == (6.0, 8.0)
    metered.restart()
    metered.cells.ask(metered.services.client())
    refused(metered, metered.cells.processes.execute(LOCAL, "culture", FBA), "cpu_seconds")
    metered.do(metered.cells.set_quotas(LOCAL, "culture", CellQuotas(cpu_seconds=7.0)))
    metered.do(metered.cells.processes.execute(LOCAL, "culture", FBA))
    metered.do(metered.cells.processes.replay(LOCAL, "plain", 0, 10))
    assert (used(metered, "culture"), used(metered, "plain")) == (8.0, 16.0)


def test_what_came_to_nothing_counts_all_the_same(metered: Bench) -> None:
    made(metered, "culture")

    async def two_at_once() -> list[Any]:
        both = [metered.cells.processes.execute(LOCAL, "culture", GROW) for _ in range(2)]
        return await asyncio.gather(*both, return_exceptions=True)

    kinds = Counter(type(one).__name__ for one in metered.do(two_at_once()))
    assert kinds == {"ProcessResult": 1, VmStateError.__name__: 1}
    assert used(metered, "culture") == 2 * SECONDS
    assert metered.do(metered.cells.status(LOCAL, "culture")).processes_executed == 1


def test_what_was_not_computed_does_not_count(metered: Bench) -> None:
    made(metered, "culture", cpu_seconds=1.0)
    for _ in range(2):
        call = CellProcessCall(process_code="transcription")
        assert metered.do(metered.cells.processes.execute(LOCAL, "culture", call)).symbolic
    assert used(metered, "culture") == 0.0


def test_a_fork_has_its_mothers_quotas_and_has_used_nothing(metered: Bench) -> None:
    made(metered, "culture", cpu_seconds=1.0, queued_jobs=3)
    metered.do(metered.cells.processes.execute(LOCAL, "culture", FBA))
    changes = Delta(gene_knockouts=["b2276"])
    metered.do(metered.cells.fork(LOCAL, "culture", [ForkSpec(vm_id="fork", changes=changes)]))
    report = metered.do(metered.cells.resources(LOCAL, "fork"))
    assert report.own_quotas == ["cpu_seconds", "queued_jobs"]
    assert (report.quotas, report.usage.cpu_seconds) == (CellQuotas(cpu_seconds=1.0, queued_jobs=3), 0.0)
    metered.do(metered.cells.set_quotas(LOCAL, "culture", CellQuotas()))
    assert metered.do(metered.cells.resources(LOCAL, "fork")).own_quotas == report.own_quotas


def test_a_cell_that_stores_too_much_keeps_no_more_snapshots_and_runs_nothing(bench: Bench) -> None:
    made(bench, "culture", stored_bytes=50)
    bench.do(bench.cells.set_delta(LOCAL, "culture", Delta(gene_knockouts=["b2276", "b1723", "b0001"])))
    bench.do(bench.cells.snapshot(LOCAL, "culture", "first"))
    bench.do(bench.cells.set_quotas(LOCAL, "culture", CellQuotas(stored_bytes=20)))
    refused(bench, bench.cells.snapshot(LOCAL, "culture", "second"), "stored_bytes")
    refused(bench, bench.cells.processes.execute(LOCAL, "culture", FBA), "stored_bytes")
    assert len(bench.do(bench.cells.snapshots(LOCAL, "culture"))) == 1


class Flooded(Server):
    """Jobs of two cells of one owner; each computation lasts until it is let go."""

    def __init__(self, folder: Path, **quotas: Any) -> None:
        super().__init__(folder)
        gate = CellGate()
        self.cells = HypervisorRuntime(self.store, gate)
        self.cells.ask(self.services.client())
        owner = Quotas(running_jobs=4)
        self.runner = JobRunner(self.store, self, 8, owner, self.runner._work._calls, cells=gate)  # type: ignore[arg-type]
        self.quotas = quotas
        self.begun: list[str] = []
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.go = asyncio.Event()

    async def compute(self, request: ComputeRequest) -> bytes:
        name = request.vm_id or ""
        self.begun.append(name)
        self.under_way[name] += 1
        self.most[name] = max(self.most[name], self.under_way[name])
        await self.go.wait()
        self.under_way[name] -= 1
        return await super().compute(request)

    async def flood(self, number: int) -> tuple[list[Job], Job]:
        """Hand in many jobs of one cell, then one of the other."""
        for name in ("culture", "other"):
            await self.cells.create(LOCAL, [VmSpec(vm_id=name, biological_type="ecoli")])
            await self.cells.act(LOCAL, [name], "start")
        own = await self.cells.set_quotas(LOCAL, "culture", parse(CellQuotas, self.quotas))
        self.runner.limit_cell(LOCAL, "culture", own)
        await self.runner.start()
        flood = [await self.submit("culture", "metabolic_fba") for _ in range(number)]
        return flood, await self.submit("other", "metabolic_fba")

    async def settled(self, count: int) -> None:
        """Wait until so many computations have begun, and see that no further one does."""
        while len(self.begun) < count:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)

    async def end(self) -> None:
        await self.runner.close()
        self.cells.close()
        self.store.close()


@pytest.mark.parametrize(
    ("quotas", "beside"), [({"running_jobs": 2}, 2), ({}, 1), ({"running_jobs": None}, 4)]
)
def test_a_flood_of_one_cell_leaves_room_for_another_of_its_owner(
    tmp_path: Path, quotas: dict[str, Any], beside: int
) -> None:
    """The owner may have 4 jobs in work: only a cell without a limit takes all of them."""

    async def main() -> None:
        server = Flooded(tmp_path, **quotas)
        flood, other = await server.flood(20)
        await server.settled(min(beside + 1, 4))
        assert server.begun.count("culture") == beside
        assert server.begun.count("other") == (1 if beside < 4 else 0)
        server.go.set()
        ended = await server.ended(*flood, other)
        assert {job.state for job in ended} == {"done"}
        assert server.most == {"culture": beside, "other": 1}
        assert (await server.cells.status(LOCAL, "culture")).processes_executed == 20
        await server.end()

    asyncio.run(main())


def test_a_raised_quota_counts_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        server = Flooded(tmp_path, running_jobs=1)
        flood, other = await server.flood(5)
        await server.settled(2)
        assert server.begun == ["culture", "other"]
        own = await server.cells.set_quotas(LOCAL, "culture", CellQuotas(running_jobs=3))
        server.runner.limit_cell(LOCAL, "culture", own)
        await server.settled(4)
        assert server.begun.count("culture") == 3
        server.go.set()
        assert {job.state for job in await server.ended(*flood, other)} == {"done"}
        await server.end()

    asyncio.run(main())


def test_a_server_that_starts_again_knows_the_limits_of_what_waits(tmp_path: Path) -> None:
    async def crash() -> list[Job]:
        server = Flooded(tmp_path, running_jobs=2)
        flood, other = await server.flood(5)
        await server.settled(3)
        await server.end()
        return [*flood, other]

    async def resume(submitted: list[Job]) -> None:
        server = Flooded(tmp_path)
        await server.runner.start()
        await server.settled(3)
        assert Counter(server.begun) == {"culture": 2, "other": 1}
        server.go.set()
        assert {job.state for job in await server.ended(*submitted)} == {"done"}
        assert server.most["culture"] == 2
        await server.end()

    asyncio.run(resume(asyncio.run(crash())))


def test_one_that_advances_waits_for_those_that_look_and_runs_alone(tmp_path: Path) -> None:
    async def main() -> None:
        server = Flooded(tmp_path, running_jobs=None)
        looks, other = await server.flood(3)
        grow = await server.submit("culture", "metabolic_dfba", time_end=1.0)
        late = await server.submit("culture", "metabolic_fba")
        await server.settled(4)
        assert Counter(server.begun) == {"culture": 3, "other": 1}
        server.go.set()
        assert {job.state for job in await server.ended(*looks, other, grow, late)} == {"done"}
        codes = [request["process_code"] for request in server.services.requests if "process_code" in request]
        assert codes.index("metabolic_dfba") == 4 and len(codes) == 6
        found = [await server.store.read(jobs.find, LOCAL, job.job_id) for job in (*looks, grow, late)]
        starts = [job.started_at or "" for job in found]
        assert max(starts[:3]) < starts[3] < starts[4]
        await server.end()

    asyncio.run(main())


def test_a_queue_of_a_cell_is_full_for_that_cell_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as server:
            await server.cells.set_quotas(LOCAL, "culture", CellQuotas(queued_jobs=1))
            server._before = asyncio.Event().wait
            await server.submit("culture", "metabolic_fba")
            with pytest.raises(BioXenException, match="cell culture has 1 jobs") as told:
                await server.submit("culture", "metabolic_fba")
            assert told.value.code.value == "BX004" and told.value.details["retry_after"] > 0
            for _ in range(3):
                await server.submit("other", "metabolic_fba")
            report = await server.cells.resources(LOCAL, "other")
            assert (report.usage.queued_jobs, report.own_quotas) == (3, [])

    asyncio.run(main())
