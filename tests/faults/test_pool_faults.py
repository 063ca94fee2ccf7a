"""Whatever an engine does, one request fails with the right error, and nothing else is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest
from tests.server.workers.stage import (
    MIB,
    alive,
    ask,
    descriptors,
    local_pool,
    play,
    stage,
    task,
    until,
    worker_pids,
)

from bioxen.errors import (
    BioXenException,
    ComputationError,
    ComputationTimeoutError,
    EngineCrashError,
    ResourceExhaustionError,
    UnknownIdentifierError,
)
from bioxen.server.workers.local import LocalPool

LIMIT = 400 * MIB


async def fails(
    pool: LocalPool, error: type[BioXenException], engine: str, say: str = "", **more: object
) -> BioXenException:
    """Run a bad task between good ones, which must not notice; return its error."""
    good = [asyncio.create_task(ask(pool, say=str(i))) for i in range(20)]
    with pytest.raises(error) as failed:
        await pool.run(task(engine, say, **more))  # type: ignore[arg-type]
    assert [answer["say"] for answer in await asyncio.gather(*good)] == [str(i) for i in range(20)]
    assert type(failed.value) is error
    assert "Traceback" not in str(failed.value.to_problem())
    return failed.value


@pytest.mark.parametrize("actor", ["NeverEngine", "CLoopEngine"])
def test_an_endless_computation_is_stopped_at_its_deadline(actor: str) -> None:
    async def scene() -> None:
        async with stage(actor) as pool:
            name = {"NeverEngine": "never", "CLoopEngine": "c-loop"}[actor]
            fault = await fails(pool, ComputationTimeoutError, name, deadline=0.3)
            assert fault.details["deadline"] == 0.3
            assert await until(lambda: pool.health().ready == 2)

    play(scene)


@pytest.mark.parametrize(
    ("say", "death"),
    [("segv", "SIGSEGV"), ("null", "SIGSEGV"), ("exit", "exit status 3"), ("words", "SIGABRT")],
)
def test_a_crash_is_tried_once_more_and_then_told(say: str, death: str) -> None:
    async def scene() -> None:
        async with stage("CrashEngine") as pool:
            fault = await fails(pool, EngineCrashError, "crash", say)
            assert fault.details["deaths"] == [death, death]
            assert fault.details["diagnostics"] == (
                "assertion failed: mitochondria" if say == "words" else ""
            )
            assert pool.health().replaced == 2

    play(scene)


@pytest.mark.parametrize(
    ("say", "kind"),
    [
        ("raise", ComputationError),
        ("known", UnknownIdentifierError),
        ("never", ComputationTimeoutError),
    ],
)
def test_a_fault_carries_what_the_solver_printed_under_it(say: str, kind: type[BioXenException]) -> None:
    async def scene() -> None:
        async with stage("GrumblingEngine", size=1) as pool:
            await ask(pool, "grumbling", "well")
            limit = {"deadline": 1.0} if say == "never" else {}
            fault = await fails(pool, kind, "grumbling", say, **limit)
            assert fault.details["diagnostics"] == "CVode: the step became too small"

    play(scene)


def test_an_impure_task_is_tried_only_once() -> None:
    async def scene() -> None:
        async with stage("CrashEngine") as pool:
            fault = await fails(pool, EngineCrashError, "crash", pure=False)
            assert fault.details["deaths"] == ["SIGSEGV"]

    play(scene)


def test_a_second_try_may_succeed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage("OnceEngine") as pool:
            mark = str(tmp_path / "tried")
            assert (await ask(pool, "once", mark))["say"] == mark
            assert pool.health().replaced == 1

    play(scene)


@pytest.mark.parametrize("how", ["slowly", "fast"])
def test_a_hungry_computation_is_stopped_at_the_memory_limit(how: str) -> None:
    async def scene() -> None:
        async with stage("HungryEngine", memory_limit=LIMIT) as pool:
            fault = await fails(pool, ResourceExhaustionError, "hungry", how)
            if how == "slowly":
                assert fault.details["limit"] == LIMIT < fault.details["used"]
            assert await until(lambda: pool.health().ready == 2)

    play(scene)


def test_output_is_never_the_protocol() -> None:
    async def scene() -> None:
        async with stage("NoisyEngine", "CrashEngine", size=1) as pool:
            for i in range(20):
                assert (await ask(pool, "noisy", str(i)))["say"] == str(i)
            fault = await fails(pool, EngineCrashError, "crash")
            assert "noise" not in str(fault.to_problem())  # another task's output is nobody else's business

    play(scene)


@pytest.mark.parametrize(
    ("say", "error", "words"),
    [
        ("unspeakable", ComputationError, "UnspeakableError"),
        ("circular", ComputationError, "UnknownIdentifierError"),
        ("division", ComputationError, "ZeroDivisionError: nought"),
        ("exit", ComputationError, "SystemExit: 3"),
        ("typed", UnknownIdentifierError, "No reaction X."),
        ("memory", ResourceExhaustionError, "memory"),
    ],
)
def test_any_exception_becomes_a_typed_error(say: str, error: type[BioXenException], words: str) -> None:
    async def scene() -> None:
        async with stage("RudeEngine") as pool:
            fault = await fails(pool, error, "rude", say)
            assert words in str(fault)

    play(scene)


def test_nonsense_on_the_socket_ends_the_worker() -> None:
    async def scene() -> None:
        async with stage("VandalEngine") as pool:
            await fails(pool, EngineCrashError, "vandal")

    play(scene)


def test_what_a_worker_started_dies_with_it() -> None:
    async def scene() -> None:
        async with stage("ForkingEngine", size=1, config={"recycle_after": 1}) as pool:
            child = int((await ask(pool, "forking"))["say"])
            assert await until(lambda: not alive(child))
            fault = await fails(pool, EngineCrashError, "forking", "die")
            grandchild = int(fault.details["diagnostics"].split()[-1])
            assert await until(lambda: not alive(grandchild))

    play(scene)


def test_a_poisoned_model_leaves_the_other_workers_alone() -> None:
    async def scene() -> None:
        async with stage("CompileCrashEngine") as pool:
            poisoned = [pool.run(task("compile-crash", model="<poison/>")) for _ in range(20)]
            good = [ask(pool, "compile-crash", str(i), model="<good/>") for i in range(100)]
            bad = asyncio.gather(*poisoned, return_exceptions=True)
            assert [a["say"] for a in await asyncio.gather(*good)] == [str(i) for i in range(100)]
            assert {type(result) for result in await bad} == {EngineCrashError}

    play(scene)


def test_a_worker_killed_from_outside_loses_nothing() -> None:
    async def scene() -> None:
        async with stage("SlowEngine") as pool:
            tasks = [asyncio.create_task(ask(pool, "slow", str(i), seconds=0.5)) for i in range(2)]
            assert await until(lambda: pool.health().busy == 2)
            os.kill(worker_pids(pool)[0], signal.SIGKILL)
            assert [answer["say"] for answer in await asyncio.gather(*tasks)] == ["0", "1"]
            os.kill(worker_pids(pool)[0], signal.SIGKILL)  # an idle one
            assert await until(lambda: pool.health().replaced == 2 and pool.health().ready == 2)

    play(scene)


def test_a_dead_zygote_is_replaced_and_loses_nothing() -> None:
    async def scene() -> None:
        async with stage("SlowEngine") as pool:
            workers, zygote = worker_pids(pool), pool.zygote_pid
            assert zygote is not None
            tasks = [asyncio.create_task(ask(pool, "slow", str(i), seconds=0.3)) for i in range(6)]
            assert await until(lambda: pool.health().busy == 2)
            os.kill(zygote, signal.SIGKILL)
            assert [answer["say"] for answer in await asyncio.gather(*tasks)] == [str(i) for i in range(6)]
            assert pool.zygote_pid != zygote
            assert not any(alive(pid) for pid in (zygote, *workers))

    play(scene)


def test_a_stopped_zygote_is_killed_and_replaced() -> None:
    async def scene() -> None:
        async with stage("NeverEngine") as pool:
            zygote = pool.zygote_pid
            assert zygote is not None
            os.kill(zygote, signal.SIGSTOP)
            await fails(pool, ComputationTimeoutError, "never", deadline=0.2)
            assert await until(lambda: pool.zygote_pid != zygote and pool.health().ready == 2)
            assert not alive(zygote)

    play(scene)


def test_workers_that_die_while_they_start_are_told() -> None:
    async def scene() -> None:
        pool = local_pool("UnbornEngine")
        with pytest.raises(EngineCrashError, match="SIGSEGV"):
            await pool.start()

    play(scene)


@pytest.mark.faults
def test_a_thousand_requests_with_every_tenth_a_fault() -> None:
    actors = ("CrashEngine", "NeverEngine", "HungryEngine", "NoisyEngine", "RudeEngine", "CompileCrashEngine")
    faults: list[tuple[type[BioXenException], str, dict[str, object]]] = [
        (EngineCrashError, "crash", {}),
        (EngineCrashError, "compile-crash", {"model": "<poison/>"}),
        (ComputationTimeoutError, "never", {"deadline": 0.2}),
        (ResourceExhaustionError, "hungry", {"say": "fast"}),
        (ComputationError, "rude", {}),
    ]

    async def good(pool: LocalPool, number: int) -> None:
        engine = ("echo", "noisy", "compile-crash")[number % 3]
        answer = await ask(pool, engine, str(number), model=f"<m{number % 7}/>")
        assert (answer["say"], answer["program"]) == (str(number), f"<M{number % 7}/>")

    async def bad(pool: LocalPool, number: int) -> None:
        error, engine, more = faults[number % len(faults)]
        with pytest.raises(error):
            await pool.run(task(engine, **more))  # type: ignore[arg-type]

    async def scene() -> None:
        async with stage(*actors, memory_limit=LIMIT) as pool:
            requests = [bad(pool, i // 10) if i % 10 == 0 else good(pool, i) for i in range(1000)]
            random.Random(1).shuffle(requests)
            await asyncio.gather(*requests)
            assert await until(lambda: pool.health().ready == 2)
            before = descriptors()
            for _ in range(5):
                await bad(pool, 0)
            assert await until(lambda: pool.health().ready == 2 and descriptors() <= before)

    play(scene)
