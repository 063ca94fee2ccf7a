"""The wall clock jumps, by ten years and back.

Promised: nothing that measures a duration notices (deadlines, the order of work, shares); what has a date
follows the clock, as it must (expiry of tokens, retention), and comes right again when the clock does.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from tests.server.jobs.test_runner import Bench, batch, ended, new, running

from bioxen.protocol.tokens import SCOPES
from bioxen.server.store import clock, gc, jobs
from bioxen.server.store.clock import now
from bioxen.server.store.keyring import Keyring
from bioxen.server.store.tokens import create_token

pytestmark = pytest.mark.faults
DECADE = timedelta(days=3650)


class Jumping(datetime):
    """A wall clock that is wrong by `shift`."""

    shift = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.shift


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> type[Jumping]:
    """The clock of the store, to be set."""
    Jumping.shift = timedelta()
    monkeypatch.setattr(clock, "datetime", Jumping)
    return Jumping


def test_jobs_do_not_notice_that_the_clock_jumps(tmp_path: Path, wall: type[Jumping]) -> None:
    """In the middle of jobs with a deadline: they end well, no part twice, and the list stays complete."""

    async def main() -> None:
        jumps = [DECADE, -DECADE, timedelta(), timedelta(seconds=-90), DECADE]

        async def jump(first: str) -> None:
            wall.shift = jumps[len(bench.asked) % len(jumps)]
            await asyncio.sleep(0.01)

        bench = Bench(jump)
        async with running(tmp_path, bench, slots=1) as (store, runner):
            names = [f"j{number}" for number in range(6)]
            for name in names:
                await runner.submit(new(name, batch(5), deadline=30.0))
            for name in names:
                job = await ended(store, runner, name)
                assert (job.state, job.parts_done) == ("done", 5), job.error
            assert bench.answered.total() == 5 * len(names)
            page = await store.read(jobs.page, "ada", limit=2)
            listed = [job.job_id for job in page.jobs]
            while page.next is not None:
                page = await store.read(jobs.page, "ada", after=page.next, limit=2)
                listed += [job.job_id for job in page.jobs]
            assert sorted(listed) == names

    asyncio.run(main())


def test_a_deadline_is_kept_although_the_clock_stands(tmp_path: Path, wall: type[Jumping]) -> None:
    """The clock is set back again and again: the job still ends at its deadline, of real seconds."""

    async def main() -> None:
        async def endless(_: str) -> None:
            while True:
                wall.shift -= timedelta(hours=1)
                await asyncio.sleep(0.05)

        async with running(tmp_path, Bench(endless)) as (store, runner):
            await runner.submit(new("j1", batch(1), deadline=0.5))
            job = await asyncio.wait_for(ended(store, runner, "j1"), 20)
            assert job.state == "failed" and job.error is not None and job.error["code"] == "BX016"

    asyncio.run(main())


def test_tokens_and_retention_follow_the_clock_and_come_right_again(
    tmp_path: Path, wall: type[Jumping]
) -> None:
    """A token expires early where the clock is fast, and is good again; set back, gc removes nothing."""

    async def main() -> None:
        async with running(tmp_path, Bench()) as (store, runner):
            expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="microseconds")
            secret = store.write_now(create_token, "ada", "t", SCOPES, expires).secret
            keyring = Keyring(store)
            monkeys = [(timedelta(), True), (DECADE, False), (timedelta(), True), (-DECADE, True)]
            for wall.shift, good in monkeys:
                assert (await keyring.find(secret) is not None) == good
            wall.shift = timedelta()
            await runner.submit(new("j1", batch(2)))
            digest = (await ended(store, runner, "j1")).result_digest or ""
            for wall.shift in (-DECADE, timedelta()):
                assert gc.collect(store, results_days=30, jobs_days=365).emptied == 0
            assert await store.fetch(digest)
            assert abs(datetime.fromisoformat(now()) - datetime.now(UTC)) < timedelta(days=1)

    asyncio.run(main())
