"""The orchestrator against replicas that fail in every way: nothing is lost, every fault has its class."""

import asyncio
import json
from collections.abc import Callable

import httpx2
import pytest

from bioxen.errors import (
    BioXenException,
    ComputationTimeoutError,
    ConfigurationError,
    EngineCrashError,
    OverloadError,
    ServiceUnavailableError,
    UnknownIdentifierError,
)
from bioxen.protocol.metabolic import FbaRequest
from bioxen.server.orchestrator.orchestrator import ComputationOrchestrator

ONE, TWO = "http://127.0.0.1:5001", "http://127.0.0.1:6001"
REQUEST = FbaRequest()
Answer = Callable[[httpx2.Request], httpx2.Response]


def good(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, content=f'{{"from": {request.url.port}}}')


def problem(error: BioXenException) -> Answer:
    body = json.dumps(error.to_problem())
    return lambda request: httpx2.Response(error.http_status, content=body)


def refused(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("connection refused", request=request)


def broken(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.RemoteProtocolError("server disconnected", request=request)


def slow(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ReadTimeout("too slow", request=request)


def nonsense(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(502, content=b"<html>bad gateway</html>")


def orchestrator(first: Answer, second: Answer | None = None) -> ComputationOrchestrator:
    answers = {5001: first, 6001: second or first}
    transport = httpx2.MockTransport(lambda request: answers[request.url.port or 0](request))
    urls = [ONE] if second is None else [ONE, TWO]
    client = httpx2.AsyncClient(transport=transport)
    return ComputationOrchestrator([("static", url) for url in urls], client)


def ask(asked: ComputationOrchestrator) -> bytes:
    return asyncio.run(asked.compute(REQUEST))


def test_the_bytes_of_a_replica_pass_through() -> None:
    assert ask(orchestrator(good)) == b'{"from": 5001}'


@pytest.mark.parametrize("fault", [refused, broken, nonsense])
def test_a_replica_without_an_answer_is_passed_over(fault: Answer) -> None:
    for first, second in ((fault, good), (good, fault)):
        asked = orchestrator(first, second)
        assert b"from" in ask(asked)
        assert b"from" in ask(asked)
        assert sum(replica.in_flight for replica in asked.replicas()) == 0


def test_a_full_replica_is_passed_over_and_stays_healthy() -> None:
    full = problem(OverloadError("full", details={"retry_after": 3}))
    asked = orchestrator(full, good)
    assert ask(asked) == b'{"from": 6001}'
    assert {replica.state for replica in asked.replicas()} <= {"healthy", "unknown"}


def test_when_all_are_full_the_caller_learns_when_to_come_back() -> None:
    with pytest.raises(OverloadError) as caught:
        ask(orchestrator(problem(OverloadError("full", details={"retry_after": 3}))))
    assert caught.value.details["retry_after"] == 3


@pytest.mark.parametrize(
    "fault",
    [UnknownIdentifierError("no such reaction", details={"place": "objective"}), EngineCrashError("died")],
)
def test_a_fault_of_the_request_comes_back_as_it_is_and_is_not_tried_elsewhere(
    fault: BioXenException,
) -> None:
    with pytest.raises(type(fault)) as caught:
        ask(orchestrator(problem(fault), problem(fault)))
    assert caught.value == fault


def test_a_late_answer_is_a_timeout_not_an_outage() -> None:
    asked = orchestrator(slow)
    with pytest.raises(ComputationTimeoutError):
        ask(asked)
    assert asked.replicas()[0].in_flight == 0


def test_without_replicas_the_reasons_are_told() -> None:
    with pytest.raises(ServiceUnavailableError) as caught:
        ask(orchestrator(refused))
    assert "ConnectError" in caught.value.details["replicas"][ONE]
    assert "bioxen up" in str(caught.value)


def test_health_follows_the_probes() -> None:
    report = json.dumps(
        {
            "service": "static",
            "status": "healthy",
            "bioxen_version": "0",
            "uptime": 1.0,
            "engines": [],
            "workers": None,
        }
    ).encode()
    state = {"up": True}

    def changing(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, content=report) if state["up"] else refused(request)

    asked = orchestrator(changing)
    assert asked.health().status == "unhealthy"
    asyncio.run(asked.probe())
    assert asked.replicas()[0].state == "healthy"
    assert asked.health().status == "degraded"  # there is no dynamic service
    state["up"] = False
    for _ in range(2):
        asyncio.run(asked.probe())
    assert asked.replicas()[0].state == "unhealthy"


def test_a_limit_on_requests_under_way() -> None:
    async def flood() -> list[object]:
        async def never(request: httpx2.Request) -> httpx2.Response:
            await asyncio.sleep(0.05)
            return good(request)

        client = httpx2.AsyncClient(transport=httpx2.MockTransport(never))
        asked = ComputationOrchestrator([("static", ONE)], client, in_flight_limit=3)
        return await asyncio.gather(*(asked.compute(REQUEST) for _ in range(5)), return_exceptions=True)

    answers = asyncio.run(flood())
    assert sum(isinstance(answer, bytes) for answer in answers) == 3
    assert sum(isinstance(answer, OverloadError) for answer in answers) == 2


def test_the_registry_says_what_it_knows() -> None:
    asked = orchestrator(good)
    with pytest.raises(ConfigurationError, match="static"):
        asked.register("dynamic", ONE + "/")
    with pytest.raises(ConfigurationError, match=ONE):
        asked.unregister("http://127.0.0.1:1")
    asked.unregister(ONE)
    with pytest.raises(ServiceUnavailableError):
        ask(asked)
