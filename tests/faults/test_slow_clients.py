"""Clients that take for ever: to send a request, to read an answer; and ones that leave in the middle.

Promised: they hold no worker, hinder nobody, and are sent away; who leaves frees what computed for him.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http import HTTPStatus
from http.client import HTTPConnection
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest
from tests.faults.recovery import Record
from tests.faults.scene import ENDLESS, FBA, HANGS, Scene, screen, submitted, took

from bioxen.server.serving import bind

pytestmark = pytest.mark.faults
SLOW = 60
FILES = 256
LAUNCHER = """
import resource
from bioxen.server import connections
connections.PATIENCE, connections.READER_PATIENCE = 2.0, 2.0
resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
from bioxen.cli import main
main()
"""


@pytest.fixture(scope="module")
def hasty(ground: Scene) -> Iterator[tuple[str, psutil.Process]]:
    """One more orchestrator, which loses its patience after two seconds and may open few files."""
    with closing(bind("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        replicas = [f"--{name}-url={ground.service(name).url}" for name in ("metabolic", "kinetic")]
        command = [sys.executable, "-c", LAUNCHER.replace("FILES", str(FILES)), "serve", "orchestrator"]
        with subprocess.Popen(
            [*command, *replicas, "--store", "none", "--fd", str(listener.fileno()), "--lifeline"],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        ) as process:
            try:
                took(lambda: ground.get("/health", url).json()["status"] == "healthy")
                yield url, psutil.Process(process.pid)
            finally:
                process.kill()


def connected(url: str) -> socket.socket:
    """Return a connection."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), timeout=20)


def rest(sock: socket.socket) -> bytes:
    """Return what is sent until the other side hangs up."""
    got = b""
    try:
        while piece := sock.recv(1 << 16):
            got += piece
    except ConnectionError:
        pass
    return got


def held(process: psutil.Process, clients: list[socket.socket]) -> bool:
    """Return whether the server still has a connection to one of these."""
    ports = {sock.getsockname()[1] for sock in clients}
    return any(one.raddr and one.raddr.port in ports for one in process.net_connections("tcp4"))


HEAD = b"POST /compute/metabolic HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
PIECES = {
    "silent": b"",
    "in the head": HEAD,
    "in the body": HEAD + b"content-length: 1000\r\n\r\n" + b'{"process_code": ',
    "blank lines": b"\r\n",
}


def test_clients_that_send_bit_by_bit_are_sent_away(
    unharmed: Scene, hasty: tuple[str, psutil.Process], recovery: Record
) -> None:
    """Many hold a connection each, and send a byte now and then: others are served, they get 408."""
    url, process = hasty
    start = time.monotonic()
    slow: list[tuple[socket.socket, str]] = []
    for kind, piece in PIECES.items():
        for _ in range(SLOW // len(PIECES)):
            slow.append((connected(url), kind))
            slow[-1][0].sendall(piece)  # at once: its patience begins with the connection
    while time.monotonic() - start < 3:
        assert unharmed.post("/compute/metabolic", FBA, url).status_code == 200
        for sock, kind in slow:
            if kind != "silent":
                try:
                    sock.sendall(b"\r\n" if kind == "blank lines" else b" ")
                except OSError:
                    continue
        time.sleep(0.2)
    took(lambda: not held(process, [sock for sock, _ in slow]))
    recovery.note("slow senders: all sent away after", time.monotonic() - start)
    answers = {kind: rest(sock) for sock, kind in reversed(slow)}
    for sock, _ in slow:
        sock.close()
    assert answers["silent"] == answers["blank lines"] == b""
    assert b"408 Request Timeout" in answers["in the body"] and b"BX008" in answers["in the body"]


def test_clients_that_read_no_answer_are_sent_away(
    unharmed: Scene, hasty: tuple[str, psutil.Process], recovery: Record
) -> None:
    """Each asks often for a long document and takes nothing: what waits is bounded, then dropped."""
    url, process = hasty
    assert unharmed.get("/openapi.json", url).status_code == 200
    memory = process.memory_info().rss
    request = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n"
    readers = [connected(url) for _ in range(5)]
    for sock in readers:
        sock.sendall(request * 60)
    start = time.monotonic()
    assert unharmed.post("/compute/metabolic", FBA, url).status_code == 200
    took(lambda: not held(process, readers))
    recovery.note("clients that read nothing: all sent away after", time.monotonic() - start)
    assert process.memory_info().rss - memory < 200 << 20
    for sock in readers:
        sock.close()


def test_more_connections_than_files_are_refused_in_words(
    unharmed: Scene, hasty: tuple[str, psutil.Process], recovery: Record
) -> None:
    """At the limit of open files a new connection is told 503, BX004; the rest goes on."""
    url, _ = hasty
    with ExitStack() as kept:  # answered, they stay open: the next one is one more
        told = [_asked(kept.enter_context(closing(_kept_alive(url)))) for _ in range(FILES)]
    refused = [answer for answer in told if answer.status == HTTPStatus.SERVICE_UNAVAILABLE]
    assert refused and all(b"BX004" in answer.body and answer.retry_after for answer in refused)
    assert sum(answer.status == HTTPStatus.OK for answer in told) > 60
    seconds = took(lambda: unharmed.post("/compute/metabolic", FBA, url).status_code == 200)
    recovery.note("more connections than files", seconds)
    assert unharmed.get("/health", url).json()["status"] == "healthy"


class _Answer(NamedTuple):
    status: int
    retry_after: str | None
    body: bytes


def _kept_alive(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    return HTTPConnection(parts.hostname or "", parts.port, timeout=20)


def _asked(client: HTTPConnection) -> _Answer:
    client.request("GET", "/ready")
    answer = client.getresponse()
    return _Answer(answer.status, answer.headers.get("retry-after"), answer.read())


@pytest.mark.parametrize("how", ["plain", "with a charset", "stream", "half a body"])
def test_a_client_that_leaves_frees_the_worker(unharmed: Scene, recovery: Record, how: str) -> None:
    """It hangs up before its answer: the computation stops at once, whatever way it was asked."""
    kinetic = how in ("plain", "with a charset")
    body = json.dumps(
        ENDLESS | {"deadline": 2 * HANGS} if kinetic else submitted(screen(60))["request"]
    ).encode()
    path = "/compute/kinetic" if kinetic else "/compute/metabolic/stream"
    kind = "application/json; charset=utf-8" if how == "with a charset" else "application/json"
    head = (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\n"
        f"content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    service = "kinetic" if kinetic else "metabolic"
    with connected(unharmed.url) as sock:
        sock.sendall(head.encode() + (body[: len(body) // 2] if how == "half a body" else body))
        if how != "half a body":
            took(lambda: unharmed.health(service)["busy"] > 0)
        if how == "stream":
            while b"event: shard" not in sock.recv(1 << 16):
                continue
    seconds = took(lambda: unharmed.health(service)["busy"] == 0 and unharmed.health(service)["queued"] == 0)
    recovery.note(f"client gone ({how})", seconds)
    assert unharmed.health(service)["busy"] == 0


def test_a_client_that_leaves_a_jobs_events_takes_nothing_along(unharmed: Scene) -> None:
    """The job goes on; the stream it left is closed, and the next listener hears of everything."""
    job_id = unharmed.post("/jobs", submitted(screen(6))).json()["job_id"]
    for _ in range(5):
        with httpx2.stream(
            "GET", f"{unharmed.url}/jobs/{job_id}/events", timeout=30, trust_env=False
        ) as answer:
            next(answer.iter_lines())
    with httpx2.stream("GET", f"{unharmed.url}/jobs/{job_id}/events", timeout=60, trust_env=False) as answer:
        told = [json.loads(line[5:]) for line in answer.iter_lines() if line.startswith("data:")]
    assert told[-1]["job"]["state"] == "done"
    assert sorted(number for event in told for number in event["finished"]) == list(range(6))
