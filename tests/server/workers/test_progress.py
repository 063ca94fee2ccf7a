"""How far a task is: from its engine to whoever asked for it, never backwards, and gone with its answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.server.workers.stage import ask, play, stage, task, until

from bioxen.protocol.services import TaskProgress

STEP = 0.06
"""Seconds of a step: a word is told at about every fifth."""


def test_what_an_engine_tells_is_heard_and_gone_with_the_answer() -> None:
    async def scene() -> None:
        heard: list[TaskProgress] = []
        async with stage("TellingEngine") as pool:
            asked = task("telling", seconds=STEP, request_id="mine", heard=heard.append)
            answer = asyncio.create_task(pool.run(asked))
            assert await until(lambda: pool.progress("mine") is not None)
            assert pool.progress("mine") == heard[-1]
            assert pool.progress("another's") is None
            await answer
            assert pool.progress("mine") is None
            assert pool.health().replaced == 0
        assert {one.phase for one in heard} == {"steps"}
        assert all(0 <= one.fraction < 1 for one in heard)

    play(scene)


def test_a_second_try_is_silent_until_it_is_further(tmp_path: Path) -> None:
    async def scene() -> None:
        heard: list[TaskProgress] = []
        async with stage("TellingEngine", size=1) as pool:
            mark = str(tmp_path / "tried")
            answer = await pool.run(task("telling", mark, seconds=0.26, heard=heard.append))
            assert mark.encode() in answer
            assert pool.health().replaced == 1
        fractions = [one.fraction for one in heard]
        assert [one.phase for one in heard] == ["first"] * 7 + ["steps"] * 3
        assert fractions == [number / 10 for number in range(10)]

    play(scene)


def test_the_deadline_holds_for_whoever_tells() -> None:
    async def scene() -> None:
        heard: list[TaskProgress] = []
        async with stage("TellingEngine", size=1) as pool:
            late = task("telling", seconds=0.3, deadline=2.0, heard=heard.append)
            (fault,) = await asyncio.gather(pool.run(late), return_exceptions=True)
            assert "stopped after 2 s" in str(fault)
            assert heard
            assert (await ask(pool, say="next"))["say"] == "next"

    play(scene)


def test_quick_tasks_send_nothing() -> None:
    async def scene() -> None:
        heard: list[TaskProgress] = []
        async with stage("TellingEngine", size=1) as pool:
            for _ in range(20):
                await pool.run(task("telling", seconds=0.0, heard=heard.append))
        assert len(heard) < 20  # of 200 steps; a busy machine may hold one up for long enough to be told

    play(scene)


def test_only_parts_of_jobs_are_looked_at_closely() -> None:
    async def scene() -> None:
        async with stage("LookingEngine", size=1) as pool:
            said = [
                (await ask(pool, "looking", **how))["say"]
                for how in ({}, {"background": True}, {"heard": lambda _: None}, {})
            ]
        assert said == ["False", "True", "True", "False"]

    play(scene)
