"""A worker is sent a text once; where it lacks the program, the text comes again and nobody notices."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.workers.stage import ask, play, stage, task, until, worker_pids

from bioxen.errors import ValidationError
from bioxen.server.workers import frames, link
from bioxen.server.workers.base import Task
from bioxen.server.workers.frames import Compute, decode_compute

LARGE = "<model/>" * 10_000
MODELS = [f"<m{number}/>{LARGE}" for number in range(3)]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Compute]]:
    """Everything that pools tell their workers to compute."""
    told: list[Compute] = []

    class Watched(link.Link):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            write = self._transport.write  # type: ignore[union-attr]

            def watched(data: bytes) -> None:
                told.append(decode_compute(data[frames._LENGTH.size :]))
                write(data)

            self._transport = Overheard(transport, watched)  # type: ignore[assignment]

    monkeypatch.setattr("bioxen.server.workers.local.Link", Watched)
    yield told


class Overheard:
    """A transport whose `write` somebody else does."""

    def __init__(self, transport: asyncio.BaseTransport, write: object) -> None:
        self._transport, self.write = transport, write

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


def texts(sent: list[Compute]) -> list[bool]:
    """Return of each message whether it had a text."""
    return [one.source is not None for one in sent]


def test_a_text_is_sent_once_to_each_worker(sent: list[Compute]) -> None:
    async def scene() -> None:
        async with stage(size=1) as pool:
            for _ in range(3):
                assert (await ask(pool, model=LARGE))["program"] == LARGE.upper()
            assert texts(sent) == [True, False, False]
            assert all(one.by_text for one in sent)

    play(scene)


def test_an_evicted_program_comes_again_with_its_text(sent: list[Compute]) -> None:
    async def scene() -> None:
        async with stage(size=1, config={"programs": 1}) as pool:
            for model in (*MODELS[:2], MODELS[0]):
                assert (await ask(pool, model=model))["program"] == model.upper()
            assert texts(sent) == [True, True, False, True]
            assert pool.health().completed == 3

    play(scene)


def test_a_fresh_worker_is_sent_the_text(sent: list[Compute]) -> None:
    async def scene() -> None:
        async with stage(size=1, config={"recycle_after": 2}) as pool:
            pids = [(await ask(pool, model=LARGE))["pid"] for _ in range(4)]
            assert pids[0] == pids[1] != pids[2] == pids[3]
            assert texts(sent) == [True, False, True, False]

    play(scene)


def test_a_second_try_has_the_text(sent: list[Compute], tmp_path: object) -> None:
    async def scene() -> None:
        async with stage("OnceEngine", size=1) as pool:
            await ask(pool, "once", os.devnull, model=LARGE)  # it is there already, so nobody dies
            answer = await ask(pool, "once", f"{tmp_path}/died", model=LARGE)
            assert answer["program"] == LARGE.upper()
            assert texts(sent) == [True, False, True]
            assert pool.health().replaced == 1

    play(scene)


def test_a_worker_killed_between_two_tasks(sent: list[Compute]) -> None:
    async def scene() -> None:
        async with stage(size=1) as pool:
            first = await ask(pool, model=LARGE)
            os.kill(first["pid"], signal.SIGKILL)
            second = await ask(pool, model=LARGE)
            assert second["program"] == first["program"] and second["pid"] != first["pid"]
            assert sent[0].source is not None and sent[-1].source is not None
            assert await until(lambda: worker_pids(pool) == [second["pid"]])

    play(scene)


def test_a_text_that_was_refused_is_asked_for_again(sent: list[Compute]) -> None:
    async def scene() -> None:
        async with stage(size=1) as pool:
            wrong = task("echo", model="<a/>")
            assert wrong.source is not None
            forged = replace(wrong, source=replace(wrong.source, text="<b/>"))
            for _ in range(2):
                with pytest.raises(ValidationError, match="digest"):
                    await pool.run(forged)
            assert json.loads(await pool.run(wrong))["program"] == "<A/>"
            assert texts(sent) == [True, False, True, False, True]

    play(scene)


def test_what_does_not_fit_with_its_text_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with stage(size=1) as pool:
            monkeypatch.setattr(link, "MAX_FRAME", 1 << 16)
            monkeypatch.setattr(frames, "MAX_FRAME", 1 << 16)
            for model in ("<a/>" * (1 << 14), "<µ/>" * ((1 << 14) - 1000)):
                with pytest.raises(ValidationError, match="too large"):
                    await ask(pool, model=model)
            small = "<µ/>" * 10_000
            assert (await ask(pool, model=small))["program"] == small.upper()

    play(scene)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["ask", "kill", "crash"])), max_size=5),
    programs=st.integers(1, 3),
)
def test_whatever_happens_every_answer_is_about_its_own_model(
    steps: list[tuple[int, str]], programs: int
) -> None:
    async def scene() -> None:
        async with stage("OnceEngine", "CrashEngine", config={"programs": programs}) as pool:
            for number, event in steps:
                if event == "crash":  # it dies at each try
                    with pytest.raises(Exception, match="died"):
                        await pool.run(replace(task("crash", model=MODELS[number]), pure=False))
                assert await until(lambda: pool.health().ready == 2)
                asked: list[Task] = [task("echo", model=MODELS[(number + i) % 3]) for i in range(4)]
                running = [asyncio.ensure_future(pool.run(one)) for one in asked]
                if event == "kill":
                    await asyncio.sleep(0)
                    os.kill(worker_pids(pool)[0], signal.SIGKILL)
                for one, answer in zip(asked, await asyncio.gather(*running), strict=True):
                    assert one.source is not None
                    assert json.loads(answer)["program"] == one.source.text.upper()

    play(scene)
