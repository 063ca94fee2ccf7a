"""What every caller of a pool counts on, as long as nobody misbehaves."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.server.workers.stage import ask, local_pool, play, stage, task, until, worker_pids

from bioxen.errors import (
    ConfigurationError,
    MissingModuleError,
    ModelNotFoundError,
    OverloadError,
    ServiceUnavailableError,
    ValidationError,
)
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.workers.base import Task, WorkerPool
from bioxen.server.workers.local import LocalPool


def test_it_is_a_worker_pool() -> None:
    pool: WorkerPool = local_pool()
    assert pool.health().ready == 0


def test_results_pass_through_untouched() -> None:
    async def scene() -> None:
        async with stage() as pool:
            answer = await pool.run(task("echo", "grüße"))
            assert (
                answer == b'{"say":"gr\xc3\xbc\xc3\x9fe","pid":%d,"program":null}' % json.loads(answer)["pid"]
            )
            assert [(engine.name, engine.version) for engine in pool.engines] == [("echo", "actor 1")]

    play(scene)


def test_large_messages_both_ways() -> None:
    async def scene() -> None:
        async with stage() as pool:
            text = "x" * 5_000_000
            assert (await ask(pool, say=text))["say"] == text

    play(scene)


def test_many_calls_at_once() -> None:
    async def scene() -> None:
        async with stage() as pool:
            answers = await asyncio.gather(*(ask(pool, say=str(i)) for i in range(500)))
            assert [answer["say"] for answer in answers] == [str(i) for i in range(500)]
            health = pool.health()
            assert (health.ready, health.busy, health.queued, health.completed) == (2, 0, 0, 500)

    play(scene)


def test_a_program_is_compiled_once_and_stays_with_its_worker() -> None:
    async def scene() -> None:
        async with stage() as pool:
            first = await ask(pool, model="<a/>")
            assert first["program"] == "<A/>"
            other = await ask(pool, model="<b/>")
            for _ in range(20):
                assert (await ask(pool, model="<a/>"))["pid"] == first["pid"]
                assert (await ask(pool, model="<b/>"))["pid"] == other["pid"] != first["pid"]

    play(scene)


def test_a_warm_program_needs_no_text() -> None:
    async def scene() -> None:
        async with stage(size=1) as pool:
            await ask(pool, model="<a/>")
            answer = await pool.run(Task("echo", b"{}", digest=digest_of("<a/>")))
            assert json.loads(answer)["program"] == "<A/>"

    play(scene)


def test_programs_are_bounded(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(size=1, config={"programs": 2, "repository": str(tmp_path)}) as pool:
            for model in ("<a/>", "<b/>", "<c/>"):
                await ask(pool, model=model)
            await pool.run(Task("echo", b"{}", digest=digest_of("<c/>")))
            with pytest.raises(ModelNotFoundError):  # gone, and the repository does not have it
                await pool.run(Task("echo", b"{}", digest=digest_of("<a/>")))

    play(scene)


def test_a_text_under_another_digest_is_refused() -> None:
    async def scene() -> None:
        async with stage() as pool:
            source = ModelSource("<bad/>", "sbml", digest_of("<good/>"))
            with pytest.raises(ValidationError):
                await pool.run(Task("echo", b"{}", digest=source.digest, source=source))

    play(scene)


@pytest.mark.parametrize(
    ("engine", "payload", "error"),
    [
        ("ecko", b"{}", ConfigurationError),
        ("echo", b"no json", ValidationError),
        ("echo", b"[1]", ValidationError),
    ],
)
def test_bad_tasks_have_their_own_errors(engine: str, payload: bytes, error: type[Exception]) -> None:
    async def scene() -> None:
        async with stage() as pool:
            with pytest.raises(error):
                await pool.run(Task(engine, payload))
            assert pool.health().replaced == 0

    play(scene)


def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    async def scene() -> None:
        async with stage("SlowEngine", size=1, queue_limit=2) as pool:
            waiting = [asyncio.create_task(pool.run(task("slow", seconds=0.3))) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(OverloadError) as refused:
                await pool.run(task("echo"))
            assert refused.value.details["retry_after"] > 0
            await asyncio.gather(*waiting)
            await ask(pool)

    play(scene)


def test_a_cancelled_computation_is_stopped() -> None:
    async def scene() -> None:
        async with stage("SlowEngine", size=1) as pool:
            running = asyncio.create_task(pool.run(task("slow", seconds=3600)))
            queued = asyncio.create_task(pool.run(task("slow", seconds=3600)))
            assert await until(lambda: pool.health().queued == 1)
            queued.cancel()
            running.cancel()
            results = await asyncio.gather(running, queued, return_exceptions=True)
            assert all(isinstance(result, asyncio.CancelledError) for result in results)
            assert (await ask(pool, say="next"))["say"] == "next"
            assert pool.health().replaced == 1

    play(scene)


def test_closing_fails_what_runs_and_waits() -> None:
    async def scene() -> None:
        pool = local_pool("SlowEngine", size=1)
        await pool.start()
        tasks = [asyncio.create_task(pool.run(task("slow", seconds=3600))) for _ in range(3)]
        assert await until(lambda: pool.health().queued == 2)
        await pool.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, ServiceUnavailableError) for result in results)
        with pytest.raises(ServiceUnavailableError):
            await pool.run(task("echo"))
        await pool.close()

    play(scene)


def test_worn_workers_are_replaced_between_tasks() -> None:
    async def scene() -> None:
        async with stage(size=2, config={"recycle_after": 10}) as pool:
            before = set(worker_pids(pool))
            answers = await asyncio.gather(*(ask(pool, say=str(i)) for i in range(200)))
            assert [answer["say"] for answer in answers] == [str(i) for i in range(200)]
            assert await until(lambda: pool.health().ready == 2)
            assert pool.health().replaced >= 18
            assert not before & set(worker_pids(pool))

    play(scene)


@pytest.mark.parametrize(
    ("engine", "error"),
    [
        ("a_package_that_nobody_has:Engine", MissingModuleError),
        ("actors:NeedyEngine", MissingModuleError),
        ("actors:NobodyEngine", ConfigurationError),
        ("metabollic", ConfigurationError),
    ],
)
def test_engines_that_cannot_be_had(engine: str, error: type[Exception]) -> None:
    async def scene() -> None:
        config = local_pool()._config
        pool = LocalPool(engines=(engine,), size=2, config=config)
        with pytest.raises(error) as failed:
            await pool.start()
        if error is MissingModuleError:
            assert 'pip install "bioxen[server]"' in str(failed.value)

    play(scene)


def test_two_pools_have_their_own_zygotes() -> None:
    async def scene() -> None:
        async with stage() as one, stage("SlowEngine") as other:
            assert one.zygote_pid != other.zygote_pid
            assert {e.name for e in one.engines} == {"echo"}
            assert {e.name for e in other.engines} == {"echo", "slow"}
            await asyncio.gather(ask(one), ask(other))

    play(scene)


def test_it_runs_on_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def scene() -> None:
        async with stage("CrashEngine") as pool:
            await asyncio.gather(*(ask(pool) for _ in range(50)))
            with pytest.raises(Exception, match="SIGSEGV"):
                await ask(pool, "crash")
            await ask(pool)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scene())
