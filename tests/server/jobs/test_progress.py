"""How far a job's parts are, while they are computed: never less than was said before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.server.jobs.test_runner import Bench, batch, ended, new
from tests.server.stores import store_at

from bioxen.errors import OverloadError
from bioxen.protocol.jobs import Job, PartProgress
from bioxen.protocol.metabolic import BatchRequest
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import TaskProgress
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.orchestrator.cutting import SHARD
from bioxen.server.store import jobs
from bioxen.server.store.owners import add_owner
from bioxen.server.workers import hearing

Story = Callable[[int, "Telling"], Awaitable[None]]


class Telling(Bench):
    """A computer whose parts tell how far they are, as the story wants it."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self._story = story
        self.tries = 0

    def tell(self, fraction: float, phase: str = "steps") -> None:
        heard = hearing.current()
        assert heard is not None
        heard(TaskProgress(fraction=fraction, phase=phase))

    async def compute(self, request: ComputeRequest) -> bytes:
        assert isinstance(request, BatchRequest)
        self.tries += 1
        await self._story(int(request.variants[0].gene_knockouts[0][1:]) // SHARD, self)
        return await super().compute(request)


def play(folder: Path, story: Story, parts: int, scene: Callable[[JobRunner], Awaitable[None]]) -> None:
    async def played() -> None:
        store = store_at(folder).open()
        store.write_now(add_owner, "ada")
        runner = JobRunner(store, Telling(story), 2)  # type: ignore[arg-type]  # it is asked to compute alone
        await runner.start()
        try:
            await runner.submit(new("j1", batch(parts)))
            await scene(runner)
            assert (await ended(store, runner, "j1")).under_way == []
        finally:
            await runner.close()
            store.close()

    asyncio.run(asyncio.wait_for(played(), 30))


async def seen(runner: JobRunner, until: Callable[[Job], bool]) -> Job:
    """Return the job as it is told of, once it is so."""
    with runner.news.listen("j1") as happened:
        while True:
            happened.clear()
            job, _ = await runner.look("ada", "j1")
            if until(job):
                return job
            await asyncio.wait_for(happened.wait(), 20)


def test_parts_under_way_are_shown_and_those_that_are_done_are_not(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def story(part: int, telling: Telling) -> None:
        telling.tell(0.5, "starts")
        if part == 1:
            await go_on.wait()

    async def scene(runner: JobRunner) -> None:
        job = await seen(runner, lambda job: job.parts_done == 1 and bool(job.under_way))
        assert job.under_way == [PartProgress(part=1, fraction=0.5, phase="starts")]
        assert job.fraction == 0.75
        assert runner.tells("j1")
        go_on.set()
        assert (await seen(runner, lambda job: job.ended)).under_way == []
        assert not runner.tells("j1")

    play(tmp_path, story, 2, scene)


def test_a_part_that_is_tried_again_does_not_fall_back(tmp_path: Path) -> None:
    steps: asyncio.Queue[float] = asyncio.Queue()

    async def story(_: int, telling: Telling) -> None:
        if telling.tries == 1:
            telling.tell(0.6)
            raise OverloadError("full", details={"retry_after": 0.01})
        for _ in range(3):
            telling.tell(await steps.get())

    async def scene(runner: JobRunner) -> None:
        assert (await seen(runner, lambda job: bool(job.under_way))).fraction == 0.6
        steps.put_nowait(0.1)
        while not steps.empty():
            await asyncio.sleep(0.01)
        assert (await runner.look("ada", "j1"))[0].fraction == 0.6
        steps.put_nowait(0.8)
        assert (await seen(runner, lambda job: job.fraction != 0.6)).fraction == 0.8
        steps.put_nowait(0.9)

    play(tmp_path, story, 1, scene)


def test_whoever_looks_again_and_again_sees_it_rise(tmp_path: Path) -> None:
    """Also while parts end: what they told is gone only when they are counted as finished."""

    async def story(_: int, telling: Telling) -> None:
        for step in range(1, 10):
            telling.tell(step / 10)
            await asyncio.sleep(0.002)

    fractions: list[float] = []

    async def scene(runner: JobRunner) -> None:
        while True:
            job, finished = await runner.look("ada", "j1")
            assert job.parts_done == len(finished)
            fractions.append(job.fraction)
            if job.ended:
                return
            await asyncio.sleep(0)

    play(tmp_path, story, 12, scene)
    assert fractions == sorted(fractions)
    assert len(set(fractions)) > 12


def test_a_part_that_is_finished_is_deaf(tmp_path: Path) -> None:
    ears: dict[int, hearing.Hear] = {}
    is_finished, go_on = asyncio.Event(), asyncio.Event()

    async def story(part: int, telling: Telling) -> None:
        heard = hearing.current()
        assert heard is not None
        ears[part] = heard
        if part:
            await is_finished.wait()
            ears[0](TaskProgress(fraction=0.9, phase="late"))
            telling.tell(0.1)
            await go_on.wait()

    async def scene(runner: JobRunner) -> None:
        while not ((job := runner._work.running.get("j1")) and job.finished):
            await asyncio.sleep(0.001)
        is_finished.set()
        told = await seen(runner, lambda job: bool(job.under_way))
        assert [part.part for part in told.under_way] == [1]
        go_on.set()

    play(tmp_path, story, 2, scene)


def test_jobs_in_lists_say_nothing_of_it(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def story(_: int, telling: Telling) -> None:
        telling.tell(0.5)
        await go_on.wait()

    async def scene(runner: JobRunner) -> None:
        await seen(runner, lambda job: bool(job.under_way))
        page = await runner._store.read(jobs.page, "ada")
        assert [job.under_way for job in page.jobs] == [[]]
        go_on.set()

    play(tmp_path, story, 1, scene)
