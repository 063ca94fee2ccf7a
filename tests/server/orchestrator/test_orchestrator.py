"""The orchestrator against replicas that fail in every way: nothing is lost, every fault has its class."""

import asyncio
from collections.abc import Callable

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
from bioxen.protocol.kinetic import MembersRequest, Route
from bioxen.protocol.metabolic import FbaRequest
from bioxen.protocol.processes import Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.services import HealthReport
from bioxen.server.orchestrator.callers import NoAnswerError
from bioxen.server.orchestrator.orchestrator import ComputationOrchestrator

ONE, TWO = "http://127.0.0.1:5001", "http://127.0.0.1:6001"
REQUEST = FbaRequest()
REPORT = HealthReport(
    service="static", status="healthy", bioxen_version="0", uptime=1.0, engines=[], workers=None
)
Answer = Callable[[str], bytes]


def good(url: str) -> bytes:
    return f'{{"from": {url[-4:]}}}'.encode()


def problem(error: BioXenException) -> Answer:
    def answer(_: str) -> bytes:
        raise error

    return answer


def refused(_: str) -> bytes:
    raise NoAnswerError("ClientConnectorError: connection refused")


def slow(_: str) -> bytes:
    raise TimeoutError


class FakeCaller:
    """Answers for the replicas, once it may."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers, self.may_answer = answers, asyncio.Event()
        self.may_answer.set()

    async def compute(self, service: Service, url: str, request: ComputeRequest, patience: float) -> bytes:
        await self.may_answer.wait()
        return self.answers[url](url)

    async def route(self, url: str, request: MembersRequest, patience: float) -> Route:
        raise NotImplementedError

    async def health(self, url: str, patience: float) -> HealthReport:
        self.answers[url](url)
        return REPORT

    async def close(self) -> None:
        pass


def orchestrator(first: Answer, second: Answer | None = None) -> ComputationOrchestrator:
    urls = [ONE] if second is None else [ONE, TWO]
    return ComputationOrchestrator(
        [("static", url) for url in urls], FakeCaller({ONE: first, TWO: second or first})
    )


def ask(asked: ComputationOrchestrator) -> bytes:
    return asyncio.run(asked.compute(REQUEST))


def test_the_bytes_of_a_replica_pass_through() -> None:
    assert ask(orchestrator(good)) == b'{"from": 5001}'


def test_a_replica_without_an_answer_is_passed_over() -> None:
    for first, second in ((refused, good), (good, refused)):
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
    assert "connection refused" in caught.value.details["replicas"][ONE]
    assert "bioxen up" in str(caught.value)


def test_health_follows_the_probes() -> None:
    state = {"up": True}

    def changing(url: str) -> bytes:
        return b"" if state["up"] else refused(url)

    asked = orchestrator(changing)
    assert asked.health().status == "unhealthy"
    asyncio.run(asked.probe())
    assert asked.replicas()[0].state == "healthy"
    assert asked.health().status == "degraded"  # there is no dynamic service
    state["up"] = False
    for _ in range(2):
        asyncio.run(asked.probe())
    assert asked.replicas()[0].state == "unhealthy"


async def at_once(asked: ComputationOrchestrator, caller: FakeCaller, number: int, fit: int) -> list[object]:
    """Ask so often at once, and let nothing be answered before those that do not fit have been refused."""
    caller.may_answer.clear()
    tasks = [asyncio.create_task(asked.compute(REQUEST)) for _ in range(number)]
    async with asyncio.timeout(60):
        while sum(task.done() for task in tasks) < number - fit:
            await asyncio.sleep(0)
    caller.may_answer.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_a_limit_on_requests_under_way() -> None:
    async def flood() -> list[object]:
        caller = FakeCaller({ONE: good})
        asked = ComputationOrchestrator([("static", ONE)], caller, in_flight_limit=3)
        return await at_once(asked, caller, 5, 3)

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
