from __future__ import annotations

import gc
import json
from typing import Any

import httpx2
import pytest
from tests.carrier import Handler, HandlerTransport

from bioxen.client import BiologicalComputationClient
from bioxen.client.transport import DroppedError, LateError, TransportError, UnreachedError
from bioxen.errors import (
    BioXenErrorCode,
    BioXenException,
    ComputationTimeoutError,
    ConfigurationError,
    OverloadError,
    ServiceUnavailableError,
    UnknownIdentifierError,
    UnknownProcessError,
    ValidationError,
)
from bioxen.protocol.metabolic import FbaRequest
from bioxen.protocol.services import HealthReport

PROVENANCE = {
    "model_id": "textbook",
    "model_digest": "d",
    "engine": "fake",
    "engine_version": "1",
    "bioxen_version": "0",
}
METABOLIC = {
    "process_code": "metabolic_fba",
    "status": "optimal",
    "message": "optimal",
    "objective": {"BIOMASS": 1.0},
    "objective_direction": "max",
    "optimal_objective": 0.87,
    "model_key": "d",
    "provenance": PROVENANCE,
}
KINETIC = {
    "process_code": "kinetic_ode",
    "status": "completed",
    "message": "completed",
    "time_vector": [0.0, 1.0],
    "species_trajectories": {"S": [1.0, None]},
    "program_key": "d",
    "provenance": PROVENANCE,
}
HEALTH = {
    "service": "static",
    "status": "healthy",
    "bioxen_version": "0",
    "uptime": 1.0,
    "engines": [],
    "workers": None,
}


def client_of(handler: Handler, **options: Any) -> BiologicalComputationClient:
    urls = ("http://static:5001/", "http://dynamic:5002", "http://tools:5000")
    return BiologicalComputationClient(*urls, transport=HandlerTransport(handler), **options)


def answering(status: int = 200, **response: Any) -> Handler:
    return lambda _: httpx2.Response(status, **response)


def raising(error: Exception) -> Handler:
    def handler(_: httpx2.Request) -> httpx2.Response:
        raise error

    return handler


def problem(error: BioXenException, status: int = 422, headers: dict[str, str] | None = None) -> Handler:
    content = json.dumps(error.to_problem())
    return answering(
        status, content=content, headers={"Content-Type": "application/problem+json", **(headers or {})}
    )


def test_a_static_request_goes_out_and_comes_back_typed() -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json=METABOLIC)

    client = client_of(handler, token="secret")
    result = client.request_static_computation(
        FbaRequest(model="textbook", constraints={"EX_o2_e": (-1.0, None)})
    )
    assert result.optimal_objective == 0.87
    assert str(seen[0].url) == "http://static:5001/compute/metabolic"
    assert seen[0].headers["Authorization"] == "Bearer secret"
    assert json.loads(seen[0].content)["constraints"] == {"EX_o2_e": [-1.0, None]}


def test_a_mapping_is_checked_here_as_there() -> None:
    client = client_of(answering(json=METABOLIC))
    assert client.request_static_computation({"process_code": "metabolic_fba"}).status == "optimal"
    with pytest.raises(ValidationError, match="Did you mean constraints"):
        client.request_static_computation({"process_code": "metabolic_fba", "constraint": {}})
    with pytest.raises(ValidationError, match="process_code"):
        client.request_static_computation({"model": "textbook"})
    with pytest.raises(UnknownProcessError, match="metabolic_fba"):
        client.request_static_computation({"process_code": "metabolic_fbaa"})
    with pytest.raises(UnknownProcessError):
        client.request_static_computation({"process_code": "kinetic_ode"})


def test_a_dynamic_request() -> None:
    result = client_of(answering(json=KINETIC)).request_dynamic_computation({"process_code": "kinetic_ode"})
    assert result["species_trajectories"] == {"S": [1.0, None]}


@pytest.mark.parametrize("code", list(BioXenErrorCode))
def test_a_problem_becomes_the_same_exception(code: BioXenErrorCode) -> None:
    error = BioXenException(
        "No reaction EX_o2.", code, {"place": "constraints.EX_o2", "near_matches": ["EX_o2_e"]}
    )
    with pytest.raises(type(error)) as caught:
        client_of(problem(error)).request_static_computation(FbaRequest())
    assert caught.value == error


def test_retry_after_is_told() -> None:
    handler = problem(OverloadError("full"), 503, {"Retry-After": "7"})
    with pytest.raises(OverloadError) as caught:
        client_of(handler).request_static_computation(FbaRequest())
    assert caught.value.details["retry_after"] == 7.0


@pytest.mark.parametrize(
    "handler",
    [
        answering(502, text="<html>Bad Gateway</html>"),
        answering(404, json={"detail": "Not Found"}),
        answering(200, text="hello"),
        answering(200, json={"status": "optimal"}),
        answering(302, headers={"Location": "http://elsewhere"}),
        answering(
            500,
            content=b'{"code": "BX999", "detail": "new"}',
            headers={"Content-Type": "application/problem+json"},
        ),
    ],
)
def test_what_is_no_service_of_ours_is_no_service(handler: Handler) -> None:
    with pytest.raises(ServiceUnavailableError) as caught:
        client_of(handler).request_static_computation(FbaRequest())
    assert "http://static:5001/compute/metabolic" in str(caught.value)
    assert caught.value.details["status"] in (200, 302, 404, 500, 502)


@pytest.mark.parametrize("error", [UnreachedError("refused"), UnreachedError(""), DroppedError("reset")])
def test_an_unreachable_service_says_where_and_what_to_do(error: TransportError) -> None:
    with pytest.raises(ServiceUnavailableError, match=r"http://dynamic:5002.*bioxen up"):
        client_of(raising(error)).request_dynamic_computation({"process_code": "kinetic_ode"})


def test_a_late_answer_is_a_time_out() -> None:
    with pytest.raises(ComputationTimeoutError, match=r"no answer within 0\.5 s"):
        client_of(raising(LateError("")), timeout=0.5).request_static_computation(FbaRequest())


@pytest.mark.parametrize(("deadline", "expected"), [(None, 3.0), (1.0, 76.0), (600.0, 675.0)])
def test_patience_follows_the_deadline(deadline: float | None, expected: float) -> None:
    transport = HandlerTransport(answering(json=METABOLIC))
    client = BiologicalComputationClient("http://static", None, transport=transport, timeout=3.0)
    client.request_static_computation(FbaRequest(deadline=deadline))
    assert transport.patience == [expected]


class DropsOnce:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls = 0

    def __call__(self, _: httpx2.Request) -> httpx2.Response:
        self.calls += 1
        if self.calls == 1:
            raise DroppedError("the server hung up")
        return httpx2.Response(200, json=self.answer)


def test_a_dropped_connection_is_tried_once_more() -> None:
    handler = DropsOnce(METABOLIC)
    assert client_of(handler).request_static_computation(FbaRequest()).status == "optimal"
    assert handler.calls == 2


def test_a_tool_is_never_asked_twice() -> None:
    handler = DropsOnce({})
    with pytest.raises(ServiceUnavailableError):
        client_of(handler).request_tool_computation("protein_fold", {})
    assert handler.calls == 1


def test_tools() -> None:
    info: dict[str, object] = {
        "code": "protein_fold",
        "aliases": [],
        "title": "folding",
        "service": "folder",
        "kisao": None,
    }
    asked: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        if request.url.path == "/processes":
            return httpx2.Response(200, json=[info])
        return httpx2.Response(200, json=json.loads(request.content))

    client = client_of(handler)
    assert [one.code for one in client.supported_processes()] == ["protein_fold"]
    client.supported_processes().clear()
    assert len(client.supported_processes()) == 1
    assert asked == ["/processes"]
    sent = client.request_tool_computation("protein_fold", {"sequence": "MKV"})
    assert sent == {"process_code": "protein_fold", "context": {"sequence": "MKV"}}
    with pytest.raises(ServiceUnavailableError):
        client_of(answering(json=[1])).request_tool_computation("protein_fold", {})


def test_a_service_without_url_is_unavailable() -> None:
    client = BiologicalComputationClient("http://static", None)
    with pytest.raises(ServiceUnavailableError, match="No dynamic service is configured"):
        client.request_dynamic_computation({"process_code": "kinetic_ode"})
    assert set(client.urls) == {"static"}


@pytest.mark.parametrize(
    "url", ["127.0.0.1:5001", "localhost", "ftp://a", "http://", "", "file:///etc/passwd"]
)
def test_a_url_is_checked_at_once(url: str) -> None:
    with pytest.raises(ConfigurationError, match="http://host:port"):
        BiologicalComputationClient(url, None)


def test_health_is_a_report_or_a_reason() -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "static":
            return httpx2.Response(200, json=HEALTH)
        if request.url.host == "dynamic":
            return httpx2.Response(503, json={**HEALTH, "status": "unhealthy"})
        raise UnreachedError("refused")

    health = client_of(handler).check_service_health()
    assert isinstance(health["static"], HealthReport)
    assert isinstance(health["dynamic"], HealthReport)
    assert health["dynamic"].status == "unhealthy"
    assert "cannot be reached" in str(health["tools"])
    assert "not with a health report" in str(client_of(answering(text="hi")).check_service_health()["static"])


def test_one_url_is_asked_once() -> None:
    asked: list[str] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200, json=HEALTH)

    url = "http://orchestrator:5000"
    client = BiologicalComputationClient(url, url, url, transport=HandlerTransport(handler))
    assert set(client.check_service_health()) == {"static", "dynamic", "tools"}
    assert asked == [f"{url}/health"]


def test_a_client_closes_and_opens_again() -> None:
    transport = HandlerTransport(answering(json=METABOLIC))
    with BiologicalComputationClient("http://static", None, transport=transport) as client:
        client.request_static_computation(FbaRequest())
    client.close()
    assert transport.closed == 1
    assert client.request_static_computation(FbaRequest()).status == "optimal"
    del client
    gc.collect()
    assert transport.closed == 2


def test_an_error_without_a_remedy_still_carries_its_class() -> None:
    error = UnknownIdentifierError("No gene b9999.")
    with pytest.raises(UnknownIdentifierError, match="b9999"):
        client_of(problem(error)).request_static_computation(FbaRequest())
