"""A server in which something has ended that should run for ever: it says so, and is not called alive."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from bioxen.server.app import orchestrator_app
from bioxen.server.jobs.runner import JobRunner
from bioxen.server.local import URLS, running
from bioxen.server.loopback import LoopTransport
from bioxen.server.orchestrator.callers import DirectCaller
from bioxen.server.orchestrator.orchestrator import ComputationOrchestrator
from bioxen.server.settings import ServiceSettings


async def end(_: Any) -> None:
    raise asyncio.CancelledError


def told(patience: float) -> dict[str, tuple[int, Any]]:
    """Return what a server says on both routes, once it is in trouble or after so many seconds."""
    app = orchestrator_app(ServiceSettings(), URLS.items(), DirectCaller({}))
    with running([app]) as loop:
        transport = LoopTransport(app, loop)
        until = time.monotonic() + patience
        while True:
            answers = {
                path: transport.send("GET", f"http://localhost{path}", None, {}, 60)
                for path in ("/health", "/ready")
            }
            found = {path: (answer.status, json.loads(answer.content)) for path, answer in answers.items()}
            if found["/health"][1]["trouble"] or time.monotonic() > until:
                return found


def test_a_sound_server_lives_where_it_reaches_no_replica() -> None:
    found = told(0.5)
    assert found["/health"][0] == 200 and found["/health"][1]["trouble"] is None
    assert found["/ready"][0] == 503  # nothing can be computed


@pytest.mark.parametrize(
    ("ends", "words"),
    [((JobRunner, "_next"), "starts jobs"), ((ComputationOrchestrator, "probe"), "replicas")],
)
def test_what_has_ended_is_said(monkeypatch: pytest.MonkeyPatch, ends: tuple[type, str], words: str) -> None:
    monkeypatch.setattr(*ends, end)
    for status, report in told(60.0).values():
        assert status == 503
        assert report["status"] == "unhealthy" and words in report["trouble"]
