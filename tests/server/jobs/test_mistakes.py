"""Mistakes of BioXen's own: they end the job they meet, are told and logged, and nothing else notices."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.server.jobs.test_runner import Bench, batch, ended, new, running, until

from bioxen.errors import ComputationError, EngineCrashError
from bioxen.protocol.jobs import Job
from bioxen.server.jobs import beginning, patience, work
from bioxen.server.jobs.beginning import MOST_BEGINNINGS, read_job
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.orchestrator import assembling
from bioxen.server.store import jobs
from bioxen.server.store.jobs import Begun
from bioxen.server.store.store import Store

Patch = pytest.MonkeyPatch
Place = Callable[[Patch, JobRunner, Store, Exception], None]


def mistaken(error: BaseException) -> Callable[..., NoReturn]:
    """Return a function that does nothing else but raise."""

    def fail(*_: Any, **__: Any) -> NoReturn:
        raise error

    return fail


def in_reading(patch: Patch, runner: JobRunner, _: Store, error: Exception) -> None:
    original = beginning.read_job
    patch.setattr(
        work, "read_job", lambda begun, owner: mistaken(error)() if owner == "ada" else original(begun, owner)
    )


def in_learning(patch: Patch, runner: JobRunner, _: Store, error: Exception) -> None:
    original = runner.estimator.learn

    async def learn(request: Any, seconds: float) -> None:
        if len(request.variants) == 250:
            raise error
        await original(request, seconds)

    patch.setattr(runner.estimator, "learn", learn)


def in_joining(patch: Patch, _: JobRunner, __: Store, error: Exception) -> None:
    patch.setattr(assembling, "joined", mistaken(error))


def in_keeping(patch: Patch, _: JobRunner, store: Store, error: Exception) -> None:
    keep, count = store.keep, [0]

    async def once(content: bytes) -> str:
        count[0] += 1
        if count[0] == 1:
            raise error
        return await keep(content)

    patch.setattr(store, "keep", once)


def in_the_last_transaction(patch: Patch, _: JobRunner, __: Store, error: Exception) -> None:
    original = jobs.complete
    patch.setattr(
        jobs,
        "complete",
        lambda c, job_id, *rest: mistaken(error)() if job_id == "j1" else original(c, job_id, *rest),
    )


def in_the_services(_: Patch, runner: JobRunner, __: Store, error: Exception) -> None:
    """`Bench` raises it."""


async def lived(
    folder: Path, patch: Patch, place: Place, error: BaseException, caplog: pytest.LogCaptureFixture
) -> Job:
    """Return how a job ended that met a mistake; another one must not have noticed."""

    async def before(first: str) -> None:
        if place is in_the_services and bench.asked["g0"] == 1:
            raise error

    bench = Bench(before)
    async with running(folder, bench, slots=1) as (store, runner):
        place(patch, runner, store, error)  # type: ignore[arg-type]
        await runner.submit(new("j1", batch(2)))
        job = await ended(store, runner, "j1")
        patch.undo()
        await runner.submit(new("j2", batch(1), "bob"))
        assert (await ended(store, runner, "j2", "bob")).state == "done"
        assert runner.trouble is None
        await until(lambda: runner.parts_running == 0)
    async with running(folder, bench) as (store, _):
        assert await store.read(jobs.waiting) == []  # the next server has nothing to do
    return job


@pytest.mark.parametrize(
    ("place", "error"),
    [
        (in_the_services, KeyError("fluxes")),
        (in_reading, RecursionError()),
        (in_learning, ZeroDivisionError()),
        (in_joining, MemoryError()),
        (in_keeping, ValueError("fluxes")),
        (in_the_last_transaction, KeyError("living")),
    ],
)
def test_a_mistake_ends_its_job_and_no_other(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: Place,
    error: Exception,
) -> None:
    job = asyncio.run(lived(tmp_path, monkeypatch, place, error, caplog))
    assert job.state == "failed" and job.error is not None
    assert job.error["code"] == "BX018"
    assert type(error).__name__ in job.error["detail"]
    assert job.error["details"]["request_id"].startswith("job-j1")
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info is not None and record.exc_info[1] is error


def test_a_part_that_was_stopped_by_nobody_ends_its_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A `CancelledError` out of some library is a mistake like any other."""
    job = asyncio.run(lived(tmp_path, monkeypatch, in_the_services, asyncio.CancelledError(), caplog))
    assert job.state == "failed" and job.error is not None and job.error["code"] == "BX018"


def test_a_mistake_at_the_deadline_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(_: str) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        async with running(tmp_path, Bench(never)) as (store, runner):
            monkeypatch.setattr(work, "ComputationTimeoutError", mistaken(ValueError("no such word")))
            await runner.submit(new("j1", batch(1), deadline=0.05))
            job = await ended(store, runner, "j1")
            assert job.state == "failed" and job.error is not None
            assert "ValueError" in job.error["detail"]

    asyncio.run(main())


def test_a_fault_that_is_no_json_still_ends_the_job(tmp_path: Path) -> None:
    async def odd(_: str) -> None:
        raise EngineCrashError("The worker died.", details={"where": {1, 2}})

    async def main() -> None:
        async with running(tmp_path, Bench(odd)) as (store, runner):
            await runner.submit(new("j1", batch(1)))
            job = await ended(store, runner, "j1")
            assert job.state == "failed" and job.error is not None and job.error["code"] == "BX018"
            assert runner.trouble is None

    asyncio.run(main())


def test_an_end_that_cannot_be_recorded_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with running(tmp_path, Bench()) as (store, runner):
            monkeypatch.setattr(jobs, "complete", mistaken(KeyError("a")))
            monkeypatch.setattr(jobs, "fail", mistaken(KeyError("b")))
            await runner.submit(new("j1", batch(1)))
            assert "j1" in await dead(runner)
            monkeypatch.undo()
            await runner.submit(new("j2", batch(1), "bob"))
            assert (await ended(store, runner, "j2", "bob")).state == "done"
        async with running(tmp_path, Bench()) as (store, runner):
            assert (await ended(store, runner, "j1")).state == "done"

    asyncio.run(main())


async def dead(runner: JobRunner) -> str:
    """Return what a runner says of itself once it is in trouble."""
    await until(lambda: runner.trouble is not None)
    return runner.trouble or ""


def test_when_nobody_hands_out_work_any_more_the_server_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with running(tmp_path, Bench()) as (_, jobs_of_server):
            assert jobs_of_server.trouble is None
            monkeypatch.setattr(jobs_of_server, "_next", mistaken(asyncio.CancelledError()))
            await jobs_of_server.submit(new("j1", batch(1)))
            assert "jobs" in await dead(jobs_of_server)

    asyncio.run(main())


def test_a_loop_that_fails_again_and_again_is_said_until_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", 0.01)

    async def main() -> None:
        async with running(tmp_path, Bench()) as (store, jobs_of_server):
            monkeypatch.setattr(jobs_of_server, "_next", mistaken(KeyError("queue")))
            await jobs_of_server.submit(new("j1", batch(1)))
            assert "KeyError" in await dead(jobs_of_server)
            monkeypatch.undo()
            assert (await ended(store, jobs_of_server, "j1")).state == "done"
            await until(lambda: jobs_of_server.trouble is None)

    asyncio.run(main())


def test_a_job_that_no_server_survives_is_not_begun_for_ever(tmp_path: Path) -> None:
    async def crash() -> None:
        stalled = asyncio.Event()

        async def stall(_: str) -> None:
            stalled.set()
            await asyncio.Event().wait()

        async with running(tmp_path, Bench(stall), slots=1) as (store, runner):
            if not (await store.read(jobs.waiting)):
                await runner.submit(new("j1", batch(2)))
            await asyncio.wait_for(stalled.wait(), 60)

    async def at_last() -> Job:
        bench = Bench()
        async with running(tmp_path, bench) as (store, runner):
            job = await ended(store, runner, "j1")
            assert not bench.asked
            return job

    for _ in range(MOST_BEGINNINGS):
        asyncio.run(crash())
    job = asyncio.run(at_last())
    assert job.state == "failed" and job.error is not None and job.error["code"] == "BX018"
    assert f"{MOST_BEGINNINGS + 1} times" in job.error["detail"]


@pytest.mark.parametrize(("finished", "attempts", "goes_on"), [(0, 10, True), (0, 11, False), (2, 12, True)])
def test_a_job_that_gets_on_is_begun_as_often_as_it_takes(
    finished: int, attempts: int, goes_on: bool
) -> None:
    request = batch(3)
    begun = Begun(
        job_id="j1",
        process_code="metabolic_batch",
        priority=50,
        request=request.model_dump_json(exclude_none=True),
        request_digest=request.fingerprint(),
        parts_total=3,
        finished=dict.fromkeys(range(finished), ""),
        started_at="",
        deadline=None,
        cancel_asked=False,
        attempts=attempts,
    )
    with contextlib.nullcontext() if goes_on else pytest.raises(ComputationError, match="begun 11 times"):
        assert len(list(read_job(begun, "ada").pieces)) == 3 - finished
