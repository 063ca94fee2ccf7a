"""The client's sockets against servers that break off in every way."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.client.test_client import METABOLIC
from tests.wire import Deed, answers, closed_port, hangs_up, says_nothing, stops_halfway, wire

from bioxen.client import BiologicalComputationClient, Sockets
from bioxen.client.transport import KEPT_CONNECTIONS, DroppedError, LateError, TransportError, UnreachedError
from bioxen.errors import ComputationTimeoutError, ServiceUnavailableError
from bioxen.protocol.metabolic import FbaRequest

RESULT = answers(json.dumps(METABOLIC).encode(), headers="X-One: 1\r\n")


def send(url: str, body: bytes | None = b"{}", patience: float = 60.0) -> bytes:
    sockets = Sockets()
    try:
        return sockets.send("POST", url, body, {"content-type": "application/json"}, patience).content
    finally:
        sockets.close()


def test_a_request_and_its_answer() -> None:
    with wire(RESULT) as server:
        sockets = Sockets()
        answer = sockets.send("POST", server.url + "/compute", b'{"a": 1}', {"x-two": "2"}, 60.0)
        sockets.close()
    assert (answer.status, answer.is_success, answer.headers["x-one"]) == (200, True, "1")
    assert json.loads(answer.content) == METABOLIC
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /compute HTTP/1.1")
    assert b"x-two: 2" in head
    assert body == b'{"a": 1}'


def test_a_connection_is_kept_and_a_closed_client_opens_a_new_one() -> None:
    with wire(RESULT) as server, BiologicalComputationClient(server.url, None) as client:
        for _ in range(3):
            client.request_static_computation(FbaRequest())
        assert server.connections == 1
        client.close()
        client.request_static_computation(FbaRequest())
        assert server.connections == 2


def test_threads_share_a_client() -> None:
    with wire(RESULT) as server, BiologicalComputationClient(server.url, None) as client:
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(client.request_static_computation, FbaRequest()) for _ in range(64)]
            assert {one.result().optimal_objective for one in asked} == {0.87}
        assert len(server.requests) == 64


@pytest.mark.parametrize(
    ("deed", "error"), [(hangs_up, DroppedError), (stops_halfway, DroppedError), (says_nothing, LateError)]
)
def test_an_answer_that_does_not_come(deed: Deed, error: type[TransportError]) -> None:
    with wire(deed) as server, pytest.raises(error):
        send(server.url, patience=0.2)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "nowhere.invalid"])
def test_nobody_is_there(host: str) -> None:
    with pytest.raises(UnreachedError):
        send(f"http://{host.format(port=closed_port())}/")


def test_a_redirect_is_an_answer() -> None:
    found = answers(b"", "302 Found", "Location: http://nowhere.invalid/\r\n")
    with wire(found) as server, pytest.raises(ServiceUnavailableError, match="302"):
        BiologicalComputationClient(server.url, None).request_static_computation(FbaRequest())


def test_the_client_asks_again_once_after_a_drop_and_never_after_its_patience() -> None:
    with wire(hangs_up, RESULT) as server, BiologicalComputationClient(server.url, None) as client:
        assert client.request_static_computation(FbaRequest()).status == "optimal"
        assert len(server.requests) == 2
    with wire(says_nothing) as server, BiologicalComputationClient(server.url, None, timeout=0.2) as client:
        with pytest.raises(ComputationTimeoutError, match=r"within 0\.2 s"):
            client.request_static_computation(FbaRequest())
        assert len(server.requests) == 1


def test_a_proxy_of_the_environment_is_for_other_machines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with wire(RESULT) as proxy, wire(RESULT) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "direct.invalid")
        assert json.loads(send("http://elsewhere.invalid/compute")) == METABOLIC
        assert proxy.requests[0].startswith(b"POST http://elsewhere.invalid/compute")
        send(server.url)
        with pytest.raises(UnreachedError):
            send("http://direct.invalid/")
        assert (len(proxy.requests), len(server.requests)) == (1, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_to_know_who_asks(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with wire(answers(b"", "407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", proxy.url.replace("://", "://me:p%40ss@"))
        if scheme == "http":
            assert send("http://elsewhere.invalid/compute") == b""
        else:
            with pytest.raises(UnreachedError, match="407"):
                send("https://elsewhere.invalid/compute")
    asked = b"POST http://elsewhere.invalid/compute" if scheme == "http" else b"CONNECT elsewhere.invalid:443"
    assert proxy.requests[0].startswith(asked)
    assert b"Basic bWU6cEBzcw==" in proxy.requests[0]


def test_an_idle_connection_that_has_ended_is_not_used() -> None:
    left = threading.Event()

    def answers_and_leaves(connection: socket.socket) -> bool:
        RESULT(connection)
        connection.shutdown(socket.SHUT_RDWR)
        left.set()
        return False

    with wire(answers_and_leaves) as server, BiologicalComputationClient(None, None, server.url) as client:
        for _ in range(3):  # a tool is never asked twice
            assert client.request_tool_computation("fold", {})["status"] == "optimal"
            assert left.wait(60)
            left.clear()
        assert len(server.requests) == 3


def test_more_connections_than_are_kept() -> None:
    sockets, gate = Sockets(), threading.Barrier(KEPT_CONNECTIONS + 8)

    def all_at_once(connection: socket.socket) -> bool:
        gate.wait(60)
        return RESULT(connection)

    with wire(all_at_once) as server, ThreadPoolExecutor(KEPT_CONNECTIONS + 8) as threads:
        asked = [
            threads.submit(sockets.send, "POST", server.url, b"{}", {}, 60.0) for _ in range(gate.parties)
        ]
        assert {one.result().status for one in asked} == {200}
        sockets.close()
