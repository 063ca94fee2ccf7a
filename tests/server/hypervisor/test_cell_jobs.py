"""Processes of cells as jobs: each from where the cell stands, which moves on exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.server.hypervisor.bench import Services
from tests.server.stores import store_at

from bioxen.protocol.cells import CellJob, VmSpec
from bioxen.protocol.jobs import Job
from bioxen.protocol.kinetic import KineticRequest
from bioxen.protocol.request import ComputeRequest
from bioxen.server.api.calls import _call, _new_job, _request
from bioxen.server.hypervisor.calls import KeptCellCalls
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.orchestrator.owned import Asked
from bioxen.server.store import cells, jobs
from bioxen.server.store.owners import LOCAL, add_owner
from bioxen.server.store.store import Store


class Server:
    """Cells and jobs over one store; what computes answers from memory."""

    def __init__(self, folder: Path, before: Callable[[], Awaitable[object]] | None = None) -> None:
        self.services = Services()
        self._before = before
        self.store: Store = store_at(folder).open()
        self.store.write_now(add_owner, LOCAL)
        self.cells = HypervisorRuntime(self.store)
        self.cells.ask(self.services.client())
        self.runner = JobRunner(self.store, self, 4, calls=KeptCellCalls())  # type: ignore[arg-type]

    async def compute(self, request: ComputeRequest) -> bytes:
        if self._before is not None:
            await self._before()
        kind = "kinetic" if isinstance(request, KineticRequest) else "metabolic"
        body = request.model_dump_json(exclude_none=True)
        return self.services(httpx2.Request("POST", f"http://x/compute/{kind}", content=body)).content

    async def submit(self, vm_id: str, code: str, priority: int = 50, **context: Any) -> Job:
        advance = code != "metabolic_fba"
        wanted = CellJob(process_code=code, context=context, advance=advance, priority=priority)
        record = await self.store.read(cells.find, LOCAL, vm_id)
        digest = _call(vm_id, wanted).fingerprint()
        asked = Asked(_request(record, wanted), None)
        return await self.runner.submit(_new_job(2, record, wanted, asked, None, digest, None))

    async def ended(self, *submitted: Job) -> list[Job]:
        return [await self._ended(job.job_id) for job in submitted]

    async def _ended(self, job_id: str) -> Job:
        with self.runner.news.listen(job_id) as happened:
            while True:
                happened.clear()
                job = await self.store.read(jobs.find, LOCAL, job_id)
                if job.ended:
                    return job
                await asyncio.wait_for(happened.wait(), 60)

    async def biomass(self) -> float | None:
        living = (await self.cells.status(LOCAL, "culture")).living
        return None if living is None else living.biomass


@asynccontextmanager
async def served(
    folder: Path, before: Callable[[], Awaitable[object]] | None = None, *, again: bool = False
) -> AsyncIterator[Server]:
    server = Server(folder, before)
    if not again:
        for name in ("culture", "other"):
            await server.cells.create(LOCAL, [VmSpec(vm_id=name, biological_type="ecoli")])
            await server.cells.act(LOCAL, [name], "start")
    await server.runner.start()
    try:
        yield server
    finally:
        await server.runner.close()
        server.cells.close()
        server.store.close()


def test_jobs_of_a_cell_start_where_the_last_one_ended(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as server:
            growing = [await server.submit("culture", "metabolic_dfba", time_end=1.0) for _ in range(5)]
            beside = await server.submit("other", "kinetic_ode", time_end=3.0)
            done = await server.ended(*growing, beside)
            assert [job.state for job in done] == ["done"] * 6, [job.error for job in done]
            assert [job.vm_id for job in done] == ["culture"] * 5 + ["other"]
            assert await server.biomass() == pytest.approx(0.01 * 2**5)
            status = await server.cells.status(LOCAL, "culture")
            assert status.processes_executed == 5 and status.living is not None and status.living.time == 5.0
            assert (await server.cells.processes.replay(LOCAL, "culture", 0, 10)).same
            other = (await server.cells.status(LOCAL, "other")).living
            assert other is not None and other.species == {"[mRNA]": 3.0}

    asyncio.run(main())


def test_a_killed_server_moves_the_cell_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server computes and is gone before it notes the end; the next one notes it, and goes on."""

    async def crash() -> list[Job]:
        async with served(tmp_path) as server:

            async def stand_still(_: Any) -> None:
                await asyncio.Event().wait()

            monkeypatch.setattr(server.runner._work, "_complete", stand_still)
            first = await server.submit("culture", "metabolic_dfba", time_end=1.0)
            while (await server.store.read(jobs.find, LOCAL, first.job_id)).parts_done < 1:
                await asyncio.sleep(0.01)
            second = await server.submit("culture", "metabolic_dfba", priority=90, time_end=2.0)
            assert await server.biomass() is None
            return [first, second]

    async def resume(submitted: list[Job]) -> None:
        async with served(tmp_path, again=True) as server:
            first, second = await server.ended(*submitted)
            assert (first.state, first.attempts, second.state, second.attempts) == ("done", 2, "done", 1)
            assert [request["time_end"] for request in server.services.requests] == [2.0]
            assert await server.biomass() == pytest.approx(0.04)
            history = await server.cells.history(LOCAL, "culture", 0, 10)
            assert len(history.entries) == 2

    asyncio.run(resume(asyncio.run(crash())))
    asyncio.run(_biomass_is_still(tmp_path, 0.04))


async def _biomass_is_still(folder: Path, biomass: float) -> None:
    async with served(folder, again=True) as server:
        assert await server.biomass() == pytest.approx(biomass)


def test_a_cell_that_was_changed_meanwhile_does_not_move(tmp_path: Path) -> None:
    async def main() -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            begun.set()
            await go.wait()

        async with served(tmp_path, wait) as server:
            job = await server.submit("culture", "metabolic_dfba", time_end=1.0)
            following = await server.submit("culture", "metabolic_fba")
            await begun.wait()
            await server.cells.act(LOCAL, ["culture"], "pause")
            go.set()
            failed, unready = await server.ended(job, following)
            for one in (failed, unready):
                assert one.state == "failed" and one.error is not None and one.error["code"] == "BX006"
            assert "was changed" in str(failed.error)
            assert await server.biomass() is None

    asyncio.run(main())


def test_a_cell_of_the_same_name_is_another_one(tmp_path: Path) -> None:
    async def main() -> None:
        begun, go = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            begun.set()
            await go.wait()

        async with served(tmp_path, wait) as server:
            await server.submit("culture", "metabolic_fba")
            late = await server.submit("culture", "metabolic_dfba", time_end=1.0)
            await begun.wait()
            await server.cells.act(LOCAL, ["culture"], "destroy")
            await server.cells.create(LOCAL, [VmSpec(vm_id="culture", biological_type="ecoli")])
            await server.cells.act(LOCAL, ["culture"], "start")
            go.set()
            (ended,) = await server.ended(late)
            assert ended.error is not None and ended.error["code"] == "BX010"
            assert await server.biomass() is None

    asyncio.run(main())


def test_a_job_is_not_done_on_another_cell_that_has_its_cells_name_and_number(tmp_path: Path) -> None:
    """SQLite gives the number of the cell that was made last to the next one, once that cell is gone."""

    async def main() -> None:
        letting = asyncio.Event()
        async with served(tmp_path, letting.wait) as server:
            first = await server.submit("other", "metabolic_dfba", time_end=1.0)
            waiting = await server.submit("other", "metabolic_dfba", time_end=1.0)
            await server.cells.act(LOCAL, ["other"], "destroy")
            await server.cells.create(LOCAL, [VmSpec(vm_id="other", biological_type="ecoli")])
            await server.cells.act(LOCAL, ["other"], "start")
            letting.set()
            assert [job.state for job in await server.ended(first, waiting)] == ["failed", "failed"]
            status = await server.cells.status(LOCAL, "other")
            assert (status.processes_executed, status.living) == (0, None)

    asyncio.run(main())
