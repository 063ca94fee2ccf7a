"""Bytes that changed on the disk, by whatever: in a page of the database, in its log, in a result's file.

Promised: never a wrong answer. The server says what is damaged and what to do, or computes it again.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import time
from pathlib import Path

import pytest
from tests.faults.recovery import Record
from tests.faults.scene import FULL
from tests.server.hypervisor.test_cell_jobs import served
from tests.server.jobs.test_runner import Bench, batch, ended, new, running

from bioxen.errors import BioXenException, ComputationError, ServiceUnavailableError
from bioxen.protocol.jobs import Job
from bioxen.server.orchestrator.cutting import SHARD
from bioxen.server.store import cells, jobs
from bioxen.server.store.owners import LOCAL
from bioxen.server.store.store import Store

pytestmark = pytest.mark.faults
TRIES = 400 if FULL else 60
JOBS = 12


def filled(folder: Path) -> dict[str, tuple[Job, bytes]]:
    """Keep a few finished jobs in a store; return them with their results."""

    async def main() -> dict[str, tuple[Job, bytes]]:
        async with running(folder, Bench()) as (store, runner):
            kept = {}
            for number in range(JOBS):
                await runner.submit(new(f"job-{number:02}", batch(1 + number % 4)))
                job = await ended(store, runner, f"job-{number:02}")
                kept[job.job_id] = (job, await store.fetch(job.result_digest or ""))
            return kept

    return asyncio.run(main())


def told(folder: Path, job_id: str) -> bytes | BioXenException:
    """Return the result of a job, as a server on that store would give it, or what it says instead."""
    try:
        store = Store.at(folder).open()
    except BioXenException as error:
        return error
    try:
        job = store.read_now(jobs.find, "ada", job_id)
        return asyncio.run(store.fetch(job.result_digest or ""))
    except BioXenException as error:
        return error
    finally:
        store.close()


def test_a_damaged_page_never_gives_a_wrong_answer(tmp_path: Path, recovery: Record) -> None:
    """Random bytes anywhere in the database: the right result, or words with a remedy."""
    kept = filled(tmp_path / "sound")
    sound = (tmp_path / "sound" / "bioxen.db").read_bytes()
    chance, refused, slowest = random.Random(1), 0, 0.0
    place = tmp_path / "harmed"
    shutil.copytree(tmp_path / "sound", place)
    for _ in range(TRIES):
        harmed = bytearray(sound)
        where, length = chance.randrange(len(harmed)), chance.choice([1, 8, 512])
        harmed[where : where + length] = chance.randbytes(min(length, len(harmed) - where))
        for old in place.glob("bioxen.db*"):
            old.unlink()
        (place / "bioxen.db").write_bytes(harmed)
        job_id = chance.choice(list(kept))
        start = time.monotonic()
        answer = told(place, job_id)
        slowest = max(slowest, time.monotonic() - start)
        if isinstance(answer, BioXenException):
            refused += 1
            assert answer.remedy, answer
        else:
            assert answer == kept[job_id][1], f"byte {where}"
    assert 0 < refused < TRIES
    recovery.note("database page damaged: said", slowest)


def test_a_damaged_database_is_refused_at_the_start_with_what_to_do(tmp_path: Path) -> None:
    """A page of zeros in the middle: BX015 at the start, and how to get back what is left."""
    filled(tmp_path)
    database = tmp_path / "bioxen.db"
    content = bytearray(database.read_bytes())
    for page in range(1, len(content) // 4096, 2):
        content[page * 4096 : page * 4096 + 4096] = bytes(4096)
    database.write_bytes(content)
    with pytest.raises(ServiceUnavailableError, match="damaged") as refused:
        Store.at(tmp_path).open()
    assert ".recover" in str(refused.value)


def test_a_request_that_changed_on_the_disk_is_not_computed(tmp_path: Path) -> None:
    """Another gene in the text of an accepted job: it fails and says why."""

    async def main() -> Job:
        async with running(tmp_path, Bench()) as (store, runner):
            store.write_now(jobs.submit, new("j1", batch(1)))
            text = new("j1", batch(1)).request.replace('"g7"', '"g8"')
            store.write_now(lambda c: c.exec_driver_sql("update jobs set request = ?", (text,)))
            runner._line.rejoin("ada", "j1", 50)
            return await ended(store, runner, "j1")

    job = asyncio.run(main())
    assert job.state == "failed" and job.error is not None
    assert "not the one that was accepted" in job.error["detail"]


def test_what_was_asked_of_a_cell_is_not_computed_where_it_changed_on_the_disk(tmp_path: Path) -> None:
    """One hour in the place of another in an accepted job of a cell: it fails and says why."""

    async def main() -> Job:
        async with served(tmp_path) as server:
            job = await server.submit("culture", "metabolic_dfba", time_end=1.0)
            changed = "update jobs set request = replace(request, '\"time_end\":1.0', '\"time_end\":7.0')"
            server.store.write_now(lambda c: c.exec_driver_sql(changed))
            return (await server.ended(job))[0]

    job = asyncio.run(main())
    assert job.state == "failed" and job.error is not None
    assert "not the one that was accepted" in job.error["detail"]


def test_a_cell_that_changed_on_the_disk_is_not_taken_for_what_it_was(tmp_path: Path) -> None:
    """Another number in its living state, in its history or in a snapshot: nothing is computed from it."""

    async def main() -> None:
        async with served(tmp_path) as server:
            (job,) = await server.ended(await server.submit("culture", "metabolic_dfba", time_end=1.0))
            assert job.state == "done" and await server.biomass() == pytest.approx(0.02)
            await server.cells.act(LOCAL, ["other"], "pause")
            changed = "update texts set text = replace(text, '\"biomass\":0.02', '\"biomass\":0.07')"
            assert server.store.write_now(lambda c: c.exec_driver_sql(changed).rowcount) > 0
            with pytest.raises(ComputationError, match="changed on the disk") as told:
                await server.store.read(cells.find, LOCAL, "culture")
            assert ".recover" in (told.value.remedy or "")
            assert (await server.store.read(cells.find, LOCAL, "other")).state == "paused"

    asyncio.run(main())


@pytest.mark.parametrize("harm", ["changed", "cut off", "gone"])
def test_a_damaged_part_is_computed_again(tmp_path: Path, recovery: Record, harm: str) -> None:
    """A finished part is damaged before the job ends: it is computed once more, and the result is right."""
    right = filled(tmp_path / "sound")["job-03"][1]

    async def begin() -> None:
        async def the_last_one_hangs(first: str) -> None:
            if first == f"g{3 * SHARD}":
                await asyncio.Event().wait()

        bench = Bench(the_last_one_hangs)
        async with running(tmp_path / "harmed", bench) as (store, runner):
            await runner.submit(new("j1", batch(4)))
            while (await store.read(jobs.find, "ada", "j1")).parts_done < 3:
                await asyncio.sleep(0.01)

    async def finish() -> bytes:
        async with running(tmp_path / "harmed", Bench()) as (store, runner):
            job = await ended(store, runner, "j1")
            assert job.state == "done", job.error
            return await store.fetch(job.result_digest or "")

    asyncio.run(begin())
    for path in (tmp_path / "harmed" / "results").glob("??/*"):
        _harm(path, harm)
    start = time.monotonic()
    assert asyncio.run(finish()) == right
    recovery.note(f"part of a job {harm}", time.monotonic() - start)


@pytest.mark.parametrize("harm", ["changed", "cut off", "gone"])
def test_a_damaged_result_is_told_and_mended_by_the_same_request(tmp_path: Path, harm: str) -> None:
    """Asked for, it is an error with its remedy; the remedy works: the same request writes it anew."""
    right = filled(tmp_path)["job-00"][1]

    async def main() -> None:
        async with running(tmp_path, Bench()) as (store, runner):
            digest = store.read_now(jobs.find, "ada", "job-00").result_digest or ""
            _harm(tmp_path / "results" / digest[:2] / digest, harm)
            with pytest.raises(ComputationError, match="stored result") as fault:
                await store.fetch(digest)
            assert "again" in (fault.value.remedy or "")
            await runner.submit(new("again", batch(1)))
            assert (await ended(store, runner, "again")).result_digest == digest
            assert await store.fetch(digest) == right
            assert json.loads(right)["status"] == "optimal"

    asyncio.run(main())


def _harm(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
        return
    content[len(content) // 2] ^= 1
    path.write_bytes(content if how == "changed" else content[:-10])
