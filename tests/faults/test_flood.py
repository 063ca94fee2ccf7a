"""Ten thousand requests at once, sound ones and unsound ones.

Promised: each is answered, or refused with BX004, which says when to come back: no service is called away
that is there. No right answer is wrong, memory stays bounded, and afterwards everything is as before.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections import Counter
from typing import Any

import psutil
import pytest
from tests.faults.recovery import Record
from tests.faults.scene import FBA, FULL, GROWTH, Scene

pytestmark = pytest.mark.faults
MANY = 10_000 if FULL else 1_500
MEMORY = 1 << 30
OPENING = 200
"""Connections that are being opened at the same time; those that wait for an answer are not counted."""
PATIENCE = 250.0
EXPECTED = {
    "right": {200, 503},
    "unknown gene": {422, 503},
    "no JSON": {400},
    "no such route": {404},
    "list": {200},
}


def request(number: int) -> tuple[str, str, str, bytes | None]:
    """Return (kind, method, path, body) of one request."""
    return (
        ("right", "POST", "/compute/metabolic", json.dumps(FBA).encode()),
        (
            "unknown gene",
            "POST",
            "/compute/metabolic",
            json.dumps(FBA | {"gene_knockouts": ["b9999x"]}).encode(),
        ),
        ("no JSON", "POST", "/compute/kinetic", b'{"process_code": '),
        ("no such route", "GET", "/nowhere", None),
        ("list", "GET", "/processes", None),
    )[number % 5]


async def flood(url: str) -> tuple[Counter[tuple[str, int, str]], int]:
    """Send everything at once; return what was answered how often, and how many right ones were wrong."""
    seen: Counter[tuple[str, int, str]] = Counter()
    wrong = 0
    opening = asyncio.Semaphore(OPENING)

    async def one(number: int) -> None:
        nonlocal wrong
        kind, method, path, body = request(number)
        status, told = await ask(opening, url, f"{method} {path}", body or b"")
        if kind == "right" and status == 200:
            wrong += abs(told["optimal_objective"] - GROWTH) > 1e-9
        seen[kind, status, told["code"] if status >= 400 else ""] += 1

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(one(number) for number in range(MANY)))
    return seen, wrong


async def ask(opening: asyncio.Semaphore, url: str, what: str, body: bytes) -> tuple[int, Any]:
    """Return the status and the body of one answer, on a connection of its own.

    By hand, since a client of ten thousand is slower than the service: it would leave connections idle for so
    long that they are closed.
    """
    host, _, port = url.removeprefix("http://").partition(":")
    head = f"{what} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\n"
    async with opening:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    first, _, content = answer.partition(b"\r\n\r\n")
    return int(first.split(b" ", 2)[1]), json.loads(content)


def test_a_flood_is_answered_or_refused_and_leaves_no_trace(unharmed: Scene, recovery: Record) -> None:
    """All at once from one client, through the orchestrator."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MANY + 200:
        pytest.skip(f"this process may open {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    servers = [psutil.Process(one.process.pid) for one in unharmed.services.services if one.process]
    before = [server.num_fds() for server in servers]
    start = time.monotonic()
    seen, wrong = asyncio.run(flood(unharmed.url))
    seconds = time.monotonic() - start
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(f"{MANY} requests in {seconds:.1f} s:", dict(sorted(seen.items())))
    memory = [server.memory_info().rss for server in servers]
    print("resident memory, MiB:", [size >> 20 for size in memory])
    assert seen.total() == MANY
    for (kind, status, code), _ in seen.items():
        assert status in EXPECTED[kind] | {503}, (kind, status, code)
        assert status != 503 or code == "BX004", (kind, status, code)
    assert seen["right", 200, ""] > MANY // 50
    assert max(memory) < MEMORY
    after = time.monotonic()
    unharmed.until_healthy()
    unharmed.answers_rightly()
    recovery.note(
        f"{MANY:,} requests at once: right and healthy again", time.monotonic() - after, wrong=wrong
    )
    assert wrong == 0
    for server, files in zip(servers, before, strict=True):
        assert server.num_fds() < files + MANY  # idle connections are kept for a while, and then go
