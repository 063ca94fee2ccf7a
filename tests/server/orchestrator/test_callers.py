"""How replicas are reached: over HTTP, where anything may go wrong, and within the process."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

import pytest
from tests.wire import Deed, answers, closed_port, hangs_up, says_nothing, stops_halfway, wire

from bioxen.errors import BioXenException, EngineCrashError, UnknownIdentifierError
from bioxen.protocol.kinetic import EnsembleRequest, Route
from bioxen.protocol.metabolic import BatchRequest, FbaRequest
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport, TaskProgress
from bioxen.server.orchestrator import http_caller
from bioxen.server.orchestrator.callers import DirectCaller, NoAnswerError
from bioxen.server.orchestrator.computation import R
from bioxen.server.orchestrator.cutting import SHARD
from bioxen.server.orchestrator.http_caller import HttpCaller
from bioxen.server.orchestrator.sharding import Shard, compute_in_shards
from bioxen.server.workers import hearing, tracing

T = TypeVar("T")
REPORT = HealthReport(
    service="static", status="unhealthy", bioxen_version="0", uptime=1.0, engines=[], workers=None
)


def call(ask: Callable[[HttpCaller], Awaitable[T]], token: str | None = None) -> T:
    async def asked() -> T:
        caller = HttpCaller(token)
        try:
            return await ask(caller)
        finally:
            await caller.close()

    return asyncio.run(asked())


def compute(url: str, patience: float = 60.0, request: ComputeRequest | None = None) -> bytes:
    return call(lambda caller: caller.compute("static", url, request or FbaRequest(), patience))


def problem(error: BioXenException) -> Deed:
    return answers(json.dumps(error.to_problem()).encode(), "422 Unprocessable Entity")


def test_the_bytes_pass_through_and_the_connection_is_kept() -> None:
    async def twice(caller: HttpCaller) -> list[bytes]:
        return [await caller.compute("static", server.url, FbaRequest(), 5.0) for _ in range(2)]

    with wire(answers(b'{"odd" :  1.10}')) as server:
        assert call(twice, token="secret") == [b'{"odd" :  1.10}'] * 2
    assert server.connections == 1
    assert server.requests[0].startswith(b"POST /compute/metabolic HTTP/1.1")
    assert b"bearer secret" in server.requests[0].lower()


def test_a_large_model_gets_through() -> None:
    text = "<sbml>" + "x" * 3_000_000
    with wire(answers(b"{}")) as server:
        assert compute(server.url, request=FbaRequest(sbml=text)) == b"{}"
    assert text.encode() in server.requests[0]


@pytest.mark.parametrize("fault", [UnknownIdentifierError("no such reaction"), EngineCrashError("died")])
def test_a_fault_is_an_answer(fault: BioXenException) -> None:
    with wire(problem(fault)) as server, pytest.raises(type(fault)) as caught:
        compute(server.url)
    assert caught.value == fault


@pytest.mark.parametrize(
    "deed", [hangs_up, stops_halfway, answers(b"<html>", "502 Bad Gateway"), answers(b"", "302 Found")]
)
def test_what_is_no_answer(deed: Deed) -> None:
    with wire(deed) as server, pytest.raises(NoAnswerError):
        compute(server.url)


def test_nobody_is_there() -> None:
    with pytest.raises(NoAnswerError, match="ClientConnectorError"):
        compute(f"http://127.0.0.1:{closed_port()}")


def test_a_late_answer_is_late() -> None:
    with wire(says_nothing) as server, pytest.raises(TimeoutError):
        compute(server.url, patience=0.1)


def test_health() -> None:
    with wire(answers(REPORT.model_dump_json().encode(), "503 Service Unavailable")) as server:
        assert call(lambda caller: caller.health(server.url, 60.0)) == REPORT
    with wire(answers(b"{}")) as server, pytest.raises(NoAnswerError):
        call(lambda caller: caller.health(server.url, 60.0))


class Slow:
    def health(self) -> HealthReport:
        return REPORT

    async def compute(self, request: ComputeRequest) -> bytes:
        await asyncio.sleep(request.deadline or 0.0)
        return b"{}"

    async def routed(self, request: R) -> R:
        return request

    def parts(self, request: ComputeRequest) -> AsyncGenerator[Shard]:
        raise NotImplementedError


def test_replicas_of_this_process() -> None:
    async def asked() -> None:
        caller = DirectCaller({"http://one": Slow()})
        assert await caller.compute("static", "http://one", FbaRequest(), 60.0) == b"{}"
        assert await caller.health("http://one", 60.0) == REPORT
        with pytest.raises(TimeoutError):
            await caller.compute("static", "http://one", FbaRequest(deadline=60.0), 0.01)
        with pytest.raises(NoAnswerError, match="http://two"):
            await caller.health("http://two", 1.0)
        await caller.close()

    asyncio.run(asked())


def test_a_part_of_a_large_request_says_that_it_may_wait() -> None:
    variants = [{"constraints": {"EX_o2_e": [0.0, float(number)]}} for number in range(SHARD + 1)]
    batch = BatchRequest.model_validate({"process_code": "metabolic_batch", "variants": variants})

    async def in_parts(caller: HttpCaller) -> None:
        with pytest.raises(BioXenException):
            await compute_in_shards(batch, lambda part: caller.compute("static", server.url, part, 5.0))

    with wire(problem(UnknownIdentifierError("no such reaction"))) as server:
        call(in_parts)
        with pytest.raises(BioXenException):
            compute(server.url)
    parts = [request for request in server.requests if b'"variants"' in request]  # in any order
    singles = [request for request in server.requests if request not in parts]
    assert parts and all(b"\r\npriority: u=6\r\n" in part.lower() for part in parts)
    assert singles and all(b"\r\npriority:" not in single.lower() for single in singles)


def test_whoever_listens_hears_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_caller, "PROGRESS_EVERY", 0.02)
    heard: list[TaskProgress] = []
    was_heard = threading.Event()
    told = TaskProgress(fraction=0.5, phase="starts")
    deeds = [answers(b"null"), answers(b"{}"), hangs_up, answers(b"{}", "404 Not Found")]

    def hear(said: TaskProgress) -> None:
        heard.append(said)
        was_heard.set()

    def unheard(connection: socket.socket) -> bool:
        return not was_heard.wait(0.1) and answers(b"{}")(connection)

    def once_heard(connection: socket.socket) -> bool:
        return was_heard.wait(60) and answers(b"{}")(connection)

    async def asked(caller: HttpCaller) -> None:
        with tracing.named("job-7/0"):
            assert await caller.compute("static", server.url, FbaRequest(), 60.0) == b"{}"
            hearing.listen(hear)
            assert await caller.compute("static", server.url, FbaRequest(), 60.0) == b"{}"
        asked_then = len(server.requests)
        await asyncio.sleep(0.2)
        assert len(server.requests) <= asked_then + 1  # the last question was under way already

    with wire(unheard, once_heard, *deeds, answers(told.model_dump_json().encode())) as server:
        call(asked)
    lines = [request.partition(b"\r\n")[0] for request in server.requests]
    assert lines[:2] == [b"POST /compute/metabolic HTTP/1.1"] * 2
    assert set(lines[2:]) == {b"GET /progress/job-7%2F0 HTTP/1.1"}
    assert heard
    assert all(one == told for one in heard)


def test_a_route_comes_back_and_what_is_none_is_no_answer() -> None:
    request = EnsembleRequest(method="ssa")

    def asked(deed: Deed) -> Route:
        with wire(deed) as server:
            found = call(lambda caller: caller.route(server.url, request, 5.0))
        assert server.requests[0].startswith(b"POST /compute/kinetic/route HTTP/1.1")
        return found

    assert asked(answers(b'{"lanes": 40, "source": "measured"}')) == Route(lanes=40, source="measured")
    for nothing in (answers(b'{"lanes": 0}'), answers(b"gone", "404 Not Found")):
        with pytest.raises(NoAnswerError):
            asked(nothing)
    with pytest.raises(UnknownIdentifierError):
        asked(problem(UnknownIdentifierError("no such model")))
