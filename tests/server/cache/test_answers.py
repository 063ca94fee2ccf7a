"""The cache alone: one key for one meaning, bounded, and equal requests at the same time computed once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from bioxen.errors import EngineCrashError
from bioxen.protocol.base import parse
from bioxen.protocol.kinetic import EnsembleRequest, StochasticRequest, TimeCourseRequest
from bioxen.protocol.metabolic import BatchRequest, FbaRequest
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import EngineInfo
from bioxen.server.bytecode.repository import Repository
from bioxen.server.cache.answers import ENTRY_BYTES, LARGEST_SHARE, AnswerCache
from bioxen.server.cache.canonical import HOLE, addressed, canonical, key_of
from bioxen.server.cache.status import add_seconds, note, note_headers, watching
from bioxen.server.orchestrator.computation import ComputationService
from bioxen.server.workers.base import Solved, Task, WorkerPool

ENGINE = EngineInfo(name="metabolic", version="1")


def fba(**fields: Any) -> ComputeRequest:
    return parse(FbaRequest, json.dumps({"process_code": "metabolic_fba", **fields}))


SAME = [
    (fba(), fba(vm_id="a", deadline=3.0)),
    (fba(chassis_type="ecoli"), fba(chassis_type="base", model="another-name")),
    (fba(), fba(report="fluxes", constraints={}, objective=None)),
    (fba(constraints={"A": [0, 1], "B": [-1, 2]}), fba(constraints={"B": [-1.0, 2.0], "A": [0.0, 1e0]})),
    (fba(medium={"X": 1, "Y": 2}), fba(medium={"Y": 2.0, "X": 1.0})),
    (
        parse(BatchRequest, {"process_code": "metabolic_batch", "variants": [{"medium": {"X": 1, "Y": 2}}]}),
        parse(BatchRequest, {"process_code": "metabolic_batch", "variants": [{"medium": {"Y": 2, "X": 1}}]}),
    ),
    (StochasticRequest(), StochasticRequest(seed=0)),
]
DIFFERENT = [
    (fba(), fba(report="objective")),
    (fba(gene_knockouts=["a", "b"]), fba(gene_knockouts=["b", "a"])),  # the order that messages have
    (fba(), fba(medium={})),
    (fba(constraints={"A": [0, 1]}), fba(constraints={"A": [0, 2]})),
    (fba(), fba(process_code="flux_balance_analysis")),  # the answer repeats it
    (StochasticRequest(seed=1), StochasticRequest(seed=2)),
    (TimeCourseRequest(outputs=["A", "B"]), TimeCourseRequest(outputs=["B", "A"])),
    (
        EnsembleRequest(members=3, method="ssa", seed=1),
        EnsembleRequest(members=3, method="ssa", seed=2),
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_meaning_has_one_text(one: ComputeRequest, other: ComputeRequest) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_meaning_has_another(one: ComputeRequest, other: ComputeRequest) -> None:
    assert canonical(one) != canonical(other)


def test_the_text_means_what_the_request_did() -> None:
    request = fba(constraints={"B": [0, 1], "A": [0, 1]}, gene_knockouts=["g"], report="objective")
    assert parse(FbaRequest, canonical(request)) == request


def test_model_and_versions_are_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def key(digest: str = "d", named: bool = True, version: str = "1") -> bytes:
        return key_of(b"{}", digest, named, [EngineInfo(name="metabolic", version=version)])

    first = key()
    keys = {first, key(digest="e"), key(named=False), key(version="2")}
    monkeypatch.setattr("bioxen.server.cache.canonical.VERSION", "another")
    assert len({*keys, key()}) == 5
    assert first != key_of(b"{} ", "d", True, [ENGINE])


def test_an_answer_is_addressed_to_whoever_asks() -> None:
    answer = HOLE + b',"x":1}'
    assert addressed(answer, None) == answer
    assert json.loads(addressed(answer, 'a "cell"')) == {"vm_id": 'a "cell"', "x": 1}
    with pytest.raises(ValueError, match="place"):
        addressed(b'{"x":1}', "a")


def test_it_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    size = 1000 - ENTRY_BYTES
    cache = AnswerCache(4000)
    for name in (b"a", b"b", b"c", b"d"):
        cache.put(name, b"x" * size)
    assert (len(cache), cache.used, cache.evictions) == (4, 4000, 0)
    assert cache.get(b"a") == b"x" * size
    cache.put(b"e", b"x" * size)
    assert (len(cache), cache.used, cache.evictions) == (4, 4000, 1)
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None
    cache.put(b"f", b"x" * (4000 // LARGEST_SHARE - ENTRY_BYTES + 1))
    assert cache.get(b"f") is None  # it would have driven out too many
    assert cache.used <= cache.limit


class Pool:
    """Answers once it may, and counts; `exact` and `fault` tell how."""

    engines = (ENGINE,)

    def __init__(self, *, exact: bool = True, fault: Exception | None = None) -> None:
        self.exact, self.fault = exact, fault
        self.asked = self.stopped = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def solve(self, task: Task) -> Solved:
        self.asked += 1
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        if self.fault is not None:
            raise self.fault
        return Solved(HOLE + b',"asked":%d}' % self.asked, self.exact)


def service(pool: Pool, cache_bytes: int = 1 << 20) -> ComputationService:
    return ComputationService("static", cast("WorkerPool", pool), Repository(), cache_bytes=cache_bytes)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)


async def told(asked: ComputationService, request: ComputeRequest) -> tuple[bytes, str]:
    with watching() as seen:
        return await asked.compute(request), seen.headers(0.0)["Cache-Status"]


def test_an_exact_answer_is_everyones() -> None:
    async def scene() -> None:
        pool = Pool()
        asked = service(pool)
        assert await told(asked, fba()) == (HOLE + b',"asked":1}', "bioxen; fwd=miss")
        assert await told(asked, fba()) == (HOLE + b',"asked":1}', "bioxen; hit")
        answer, status = await told(asked, fba(vm_id="b"))
        assert (json.loads(answer), status) == ({"vm_id": "b", "asked": 1}, "bioxen; hit")
        assert (asked.cache.hits, asked.cache.misses, pool.asked) == (2, 1, 1)
        assert asked.cache.hit_ratio == pytest.approx(2 / 3)
        pool.engines = (EngineInfo(name="metabolic", version="2"),)
        assert (await told(asked, fba()))[1] == "bioxen; fwd=miss"

    asyncio.run(scene())


def test_what_a_service_says_of_an_answer_is_handed_on() -> None:
    for origin in ("hit", "miss", "shared", "off"):
        with watching() as there:
            note(origin)
            add_seconds(0.25)
        with watching() as here:
            note_headers(there.headers(1.5))
        assert (here.origin, here.seconds) == (origin, 0.25)
    with watching() as parts:
        note("hit")
        note("miss")
        note("hit")
    assert parts.origin == "miss"
    with watching() as stranger:
        note_headers({"Cache-Status": "proxy; hit", "Server-Timing": "worker;dur=soon"})
    assert (stranger.origin, stranger.seconds) == (None, 0.0)


def test_what_is_not_exact_and_what_failed_is_computed_again() -> None:
    async def scene() -> None:
        for pool in (Pool(exact=False), Pool(fault=EngineCrashError("it died"))):
            asked = service(pool)
            for _ in range(2):
                if pool.fault is None:
                    assert (await told(asked, fba()))[1] == "bioxen; fwd=miss"
                else:
                    with pytest.raises(EngineCrashError):
                        await asked.compute(fba())
            assert (pool.asked, len(asked.cache)) == (2, 0)

    asyncio.run(scene())


def test_turned_off_it_keeps_nothing() -> None:
    async def scene() -> None:
        pool = Pool()
        asked = service(pool, 0)
        for _ in range(2):
            assert (await told(asked, fba()))[1] == "bioxen; fwd=bypass"
        assert (pool.asked, len(asked.cache)) == (2, 0)

    asyncio.run(scene())


def test_equal_requests_at_once_are_computed_once() -> None:
    async def scene() -> None:
        pool = Pool()
        pool.may_answer.clear()
        asked = service(pool)
        requests = [fba(vm_id=f"cell{number % 7}") for number in range(50)]
        tasks = [asyncio.create_task(told(asked, request)) for request in requests]
        await until(lambda: asked.cache.shared == 49)
        pool.may_answer.set()
        answers = await asyncio.gather(*tasks)
        assert pool.asked == 1
        assert [json.loads(answer)["vm_id"] for answer, _ in answers] == [one.vm_id for one in requests]
        assert sorted({status for _, status in answers}) == [
            "bioxen; fwd=miss",
            "bioxen; fwd=miss; collapsed",
        ]
        assert (asked.cache.misses, asked.cache.shared) == (1, 49)
        pool.may_answer.clear()
        others = [fba(deadline=30.0, objective="X"), fba(objective="X")]
        tasks_of_others = [asyncio.create_task(asked.compute(one)) for one in others]
        await until(lambda: pool.asked == 3)  # another deadline is not waited for
        pool.may_answer.set()
        await asyncio.gather(*tasks_of_others)

    asyncio.run(scene())


def test_a_computation_goes_on_while_someone_waits_and_stops_when_nobody_does() -> None:
    async def scene() -> None:
        pool = Pool()
        pool.may_answer.clear()
        asked = service(pool)
        leaving, staying = (asyncio.create_task(asked.compute(fba())) for _ in range(2))
        await until(lambda: asked.cache.shared == 1)
        leaving.cancel()
        await asyncio.wait([leaving])
        pool.may_answer.set()
        assert await staying == HOLE + b',"asked":1}'
        assert (pool.asked, pool.stopped) == (1, 0)
        pool.may_answer.clear()
        alone = asyncio.create_task(asked.compute(fba(objective="X")))
        await until(lambda: pool.asked == 2)
        alone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await alone
        pool.may_answer.set()
        again = await asked.compute(fba(objective="X"))  # it does not wait for what was stopped
        assert (again, pool.asked, pool.stopped) == (HOLE + b',"asked":3}', 3, 1)

    asyncio.run(scene())


def test_a_fault_is_told_to_everyone_who_waits() -> None:
    async def scene() -> None:
        pool = Pool(fault=EngineCrashError("it died"))
        pool.may_answer.clear()
        asked = service(pool)
        tasks = [asyncio.create_task(asked.compute(fba())) for _ in range(3)]
        await until(lambda: asked.cache.shared == 2)
        pool.may_answer.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [EngineCrashError] * 3
        assert pool.asked == 1

    asyncio.run(scene())
