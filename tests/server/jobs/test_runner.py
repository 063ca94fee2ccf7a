"""The runner: parts are computed once, a crash loses nothing, a cancel stops, a fault is told."""

from __future__ import annotations

import asyncio
import errno
import json
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from tests.server.stores import store_at

from bioxen.errors import EngineCrashError, OverloadError
from bioxen.protocol.jobs import Job
from bioxen.protocol.metabolic import BatchRequest, Variant
from bioxen.protocol.quotas import Quotas
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport
from bioxen.server.jobs import beginning, patience, work
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.orchestrator.allowance import Allowance
from bioxen.server.orchestrator.assembling import Assembly
from bioxen.server.orchestrator.computation import R
from bioxen.server.orchestrator.cutting import SHARD
from bioxen.server.orchestrator.sharding import Shard
from bioxen.server.store import jobs
from bioxen.server.store.arrays import StoredArrays
from bioxen.server.store.faults import in_words
from bioxen.server.store.jobs import NewJob
from bioxen.server.store.owners import add_owner
from bioxen.server.store.store import Store

PARTS = 5


def batch(parts: int = PARTS) -> BatchRequest:
    variants = [Variant(gene_knockouts=[f"g{number}"]) for number in range(SHARD * parts)]
    return BatchRequest(process_code="metabolic_batch", variants=variants)


def new(job_id: str, request: ComputeRequest, owner: str = "ada", deadline: float | None = None) -> NewJob:
    parts = -(-len(request.variants) // SHARD) if isinstance(request, BatchRequest) else 1
    return NewJob(
        job_id=job_id,
        owner_id=owner,
        process_code="metabolic_batch",
        request=request.model_dump_json(exclude_none=True),
        request_digest=request.fingerprint(),
        parts_total=parts,
        deadline=deadline,
    )


class Bench:
    """A computer that answers like the metabolic service would, and counts; `before` may fail or wait."""

    def __init__(self, before: Callable[[str], Awaitable[None]] | None = None) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.stopped = 0
        self._before = before

    async def compute(self, request: ComputeRequest) -> bytes:
        assert isinstance(request, BatchRequest)
        first = request.variants[0].gene_knockouts[0]
        self.asked[first] += 1
        try:
            if self._before is not None:
                await self._before(first)
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        self.answered[first] += 1
        count = len(request.variants)
        columns = {
            "status": ["optimal"] * count,
            "objective": [float(one.gene_knockouts[0][1:]) for one in request.variants],
            "fluxes": None,
            "results": None,
        }
        return json.dumps(
            {
                "status": "optimal",
                "batch": columns,
                "certificate": None,
                "provenance": {"settings": {"solver": "bench"}},
            }
        ).encode()

    async def routed(self, request: R) -> R:
        return request

    def parts(self, request: ComputeRequest) -> AsyncIterator[Shard]:
        raise NotImplementedError

    def health(self) -> HealthReport:
        raise NotImplementedError


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something is so that the runner brings about by and by."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    folder: Path, bench: Bench, slots: int = 2, quotas: Quotas | None = None
) -> AsyncIterator[tuple[Store, JobRunner]]:
    store = store_at(folder).open()
    store.write_now(add_owner, "ada")
    store.write_now(add_owner, "bob")
    runner = JobRunner(store, bench, slots, quotas)  # type: ignore[arg-type]  # it is asked to compute alone
    await runner.start()
    try:
        yield store, runner
    finally:
        await runner.close()
        store.close()


async def ended(store: Store, runner: JobRunner, job_id: str, owner: str = "ada") -> Job:
    with runner.news.listen(job_id) as happened:
        while True:
            happened.clear()
            job = await store.read(jobs.find, owner, job_id)
            if job.ended:
                return job
            await asyncio.wait_for(happened.wait(), 60)


def test_a_batch_is_computed_part_by_part_and_put_together(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench()
        async with running(tmp_path, bench) as (store, runner):
            accepted = await runner.submit(new("j1", batch()))
            assert (accepted.state, accepted.parts_total) == ("queued", PARTS)
            job = await ended(store, runner, "j1")
            assert (job.state, job.parts_done, job.attempts) == ("done", PARTS, 1)
            result = json.loads(await store.fetch(job.result_digest or ""))
            assert result["batch"]["objective"] == [float(n) for n in range(SHARD * PARTS)]
            assert set(bench.answered.values()) == {1}

    asyncio.run(main())


def test_after_a_crash_only_the_missing_parts_are_computed(tmp_path: Path) -> None:
    """The first server stands still after two parts and is gone; the second one does the other three."""
    asked: Counter[str] = Counter()

    async def crash() -> None:
        async def stall(first: str) -> None:
            if len(bench.answered) >= 2:
                await asyncio.Event().wait()

        bench = Bench(stall)
        async with running(tmp_path, bench, slots=1) as (store, runner):
            await runner.submit(new("j1", batch()))
            while (await store.read(jobs.find, "ada", "j1")).parts_done < 2:
                await asyncio.sleep(0.01)
            asked.update(bench.answered)

    async def resume() -> None:
        bench = Bench()
        async with running(tmp_path, bench) as (store, runner):
            job = await ended(store, runner, "j1")
            assert (job.state, job.parts_done, job.attempts) == ("done", PARTS, 2)
            asked.update(bench.answered)
            result = json.loads(await store.fetch(job.result_digest or ""))
            assert len(result["batch"]["status"]) == SHARD * PARTS

    asyncio.run(crash())
    asyncio.run(resume())
    assert len(asked) == PARTS and set(asked.values()) == {1}


def test_a_part_whose_result_is_lost_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash() -> None:
        async with running(tmp_path, Bench()) as (store, runner):

            async def stand_still(_: Any) -> None:
                await asyncio.Event().wait()

            monkeypatch.setattr(runner._work, "_complete", stand_still)
            await runner.submit(new("j1", batch()))
            while (await store.read(jobs.find, "ada", "j1")).parts_done < PARTS:
                await asyncio.sleep(0.01)
            missing = await store.read(jobs.find_shard, "ada", "j1", 1)
            store.blobs._path(missing).unlink()
            damaged = await store.read(jobs.find_shard, "ada", "j1", 3)
            store.blobs._path(damaged).write_bytes(b"nonsense")

    async def resume() -> None:
        bench = Bench()
        async with running(tmp_path, bench) as (store, runner):
            job = await ended(store, runner, "j1")
            assert (job.state, job.parts_done) == ("done", PARTS)
            assert bench.answered == {f"g{SHARD}": 1, f"g{3 * SHARD}": 1}
            result = json.loads(await store.fetch(job.result_digest or ""))
            assert result["batch"]["objective"] == [float(n) for n in range(SHARD * PARTS)]

    asyncio.run(crash())
    asyncio.run(resume())


def no_room() -> sqlite3.OperationalError:
    fault = sqlite3.OperationalError("database or disk is full")
    fault.sqlite_errorname = "SQLITE_FULL"
    return fault


def test_a_full_disk_makes_jobs_wait_and_nothing_is_computed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.01)
    full = {"begin": 2, "finish_shard": 3, "complete": 1, "result": 2, "array": 1}

    async def main() -> None:
        bench = Bench()
        async with running(tmp_path, bench) as (store, runner):
            write, keep = store.write, store.blobs.write_parts

            async def sometimes(change: Any, *arguments: Any) -> Any:
                name = change.__name__
                if full.get(name, 0):
                    full[name] -= 1
                    with in_words():
                        raise OperationalError("insert", {}, no_room())
                return await write(change, *arguments)

            def seldom(parts: Sequence[bytes | memoryview]) -> str:
                kind = "array" if len(parts) == 2 else "result"
                if full[kind]:
                    full[kind] -= 1
                    raise OSError(errno.ENOSPC, "No space left on device")
                return keep(parts)

            put_together = Assembly.result

            def with_an_array(parts: Assembly, arrays: StoredArrays) -> bytes:
                arrays.keep(b"header", memoryview(b"numbers"))
                return put_together(parts)

            monkeypatch.setattr(store, "write", sometimes)
            monkeypatch.setattr(store.blobs, "write_parts", seldom)
            monkeypatch.setattr(Assembly, "result", with_an_array)
            await runner.submit(new("j1", batch()))
            assert (await ended(store, runner, "j1")).state == "done"
            assert not any(full.values())
            assert set(bench.answered.values()) == {1}

    asyncio.run(main())


def test_a_cancel_stops_what_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async def never(_: str) -> None:
            await asyncio.Event().wait()

        bench = Bench(never)
        async with running(tmp_path, bench) as (_, runner):
            await runner.submit(new("j1", batch()))
            await runner.submit(new("j2", batch()))
            await until(lambda: bench.asked.total() == 2)
            waiting = await runner.cancel("ada", "j2")
            assert waiting.state == "cancelled"
            job = await runner.cancel("ada", "j1")
            assert (job.state, job.parts_done) == ("cancelled", 0)
            await until(lambda: bench.stopped == 2)
            assert bench.asked.total() == 2

    asyncio.run(main())


def test_a_cancel_counts_while_the_request_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, read, original = threading.Event(), threading.Event(), beginning.read_job

    def slowly(*arguments: Any) -> Any:
        reading.set()
        assert read.wait(60)
        return original(*arguments)

    monkeypatch.setattr(work, "read_job", slowly)

    async def main() -> None:
        bench = Bench()
        async with running(tmp_path, bench) as (store, runner):
            await runner.submit(new("j1", batch()))
            assert await asyncio.to_thread(reading.wait, 60)
            assert (await runner.cancel("ada", "j1")).state == "cancelled"
            read.set()
            await runner.submit(new("j2", batch(1), "bob"))
            assert (await ended(store, runner, "j2", "bob")).state == "done"
            assert (await store.read(jobs.find, "ada", "j1")).state == "cancelled"
            assert bench.asked.total() == 1

    asyncio.run(main())


def test_a_fault_ends_the_job_and_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async def crash(first: str) -> None:
            if first == f"g{SHARD}":
                raise EngineCrashError("The worker died.", details={"remedy": "Look at it."})

        async with running(tmp_path, Bench(crash)) as (store, runner):
            await runner.submit(new("j1", batch()))
            job = await ended(store, runner, "j1")
            assert job.state == "failed" and job.error is not None
            assert (job.error["code"], job.error["remedy"]) == ("BX017", "Look at it.")

    asyncio.run(main())


def test_full_services_make_a_job_wait_not_fail(tmp_path: Path) -> None:
    async def main() -> None:
        async def full(first: str) -> None:
            if bench.asked[first] <= 2:
                raise OverloadError("Full.", details={"retry_after": 0.01})

        bench = Bench(full)
        async with running(tmp_path, bench) as (store, runner):
            await runner.submit(new("j1", batch()))
            assert (await ended(store, runner, "j1")).state == "done"
            assert set(bench.answered.values()) == {1}

    asyncio.run(main())


def test_a_job_is_stopped_at_its_deadline(tmp_path: Path) -> None:
    async def main() -> None:
        async def never(_: str) -> None:
            await asyncio.Event().wait()

        bench = Bench(never)
        async with running(tmp_path, bench) as (store, runner):
            for deadline in (0.1, 1.0, 10.0):  # a busy machine may not have begun both parts at the first one
                before = bench.stopped
                await runner.submit(new(f"j{deadline:g}", batch(), deadline=deadline))
                job = await ended(store, runner, f"j{deadline:g}")
                assert job.state == "failed" and job.error is not None and job.error["code"] == "BX016"
                await until(lambda: bench.stopped == bench.asked.total())
                if bench.stopped == before + 2:
                    return
            raise AssertionError("no part was ever under way")

    asyncio.run(main())


def test_the_deadline_of_its_request_holds_for_all_parts_of_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Allowance, "left", lambda _: 0.0)  # as much as is left once the first part is done

    async def main() -> None:
        async def first_only(name: str) -> None:
            if name != "g0":
                await asyncio.Event().wait()

        bench = Bench(first_only)
        async with running(tmp_path, bench) as (store, runner):
            request = batch().model_copy(update={"deadline": 60.0})
            await runner.submit(new("j1", request))
            job = await ended(store, runner, "j1")
            assert job.state == "failed" and job.error is not None
            assert job.error["code"] == "BX016" and "stopped after 60 s" in job.error["detail"]
            await until(lambda: bench.stopped == bench.asked.total() - 1)

    asyncio.run(main())


def test_one_owners_flood_leaves_the_other_a_slot_in_turn(tmp_path: Path) -> None:
    async def main() -> None:
        order: list[str] = []
        handed_in = asyncio.Event()

        async def note(first: str) -> None:
            order.append(first)
            if len(order) == 6:  # the flood is under way; it goes on when the single one is there
                await handed_in.wait()

        single = BatchRequest(process_code="metabolic_batch", variants=[Variant(gene_knockouts=["g99999"])])
        async with running(tmp_path, Bench(note), slots=1) as (store, runner):
            for number in range(20):
                await runner.submit(new(f"f{number}", batch()))
            await until(lambda: len(order) == 6)
            await runner.submit(new("single", single, owner="bob"))
            handed_in.set()
            await ended(store, runner, "single", owner="bob")
            assert order.index("g99999") == 6

    asyncio.run(main())


@pytest.mark.parametrize("request_text", ['{"process_code": "metabolic_from_the_future"}'])
def test_a_job_of_another_version_fails_with_words(tmp_path: Path, request_text: str) -> None:
    async def main() -> None:
        async with running(tmp_path, Bench()) as (store, runner):
            odd = new("j1", batch(1))
            await runner.submit(
                NewJob(
                    job_id="j1",
                    owner_id="ada",
                    process_code="metabolic_from_the_future",
                    request=request_text,
                    request_digest=odd.request_digest,
                    parts_total=1,
                )
            )
            job = await ended(store, runner, "j1")
            assert job.state == "failed" and job.error is not None
            assert "metabolic_from_the_future" in job.error["detail"]

    asyncio.run(main())


def test_no_more_jobs_of_an_owner_are_in_work_than_it_may_have(tmp_path: Path) -> None:
    async def main() -> None:
        most: Counter[str] = Counter()

        async def look(_: str) -> None:
            while True:  # at least until two have begun
                for owner in ("ada", "bob"):
                    page = await store.read(jobs.page, owner, state="running")
                    most[owner] = max(most[owner], len(page.jobs))
                await asyncio.sleep(0.01)
                if most["ada"] >= 2:
                    return

        async with running(tmp_path, Bench(look), 8, Quotas(running_jobs=2)) as (store, runner):
            for number in range(6):
                await runner.submit(new(f"a{number}", batch(2)))
            await runner.submit(new("b", batch(2), "bob"))
            assert (await ended(store, runner, "b", "bob")).state == "done"
            for number in range(6):
                assert (await ended(store, runner, f"a{number}")).state == "done"
        assert most == {"ada": 2, "bob": 1}

    asyncio.run(main())
