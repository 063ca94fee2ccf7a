"""Metrics, readiness, request ids and logs: what an operator sees, and what must not be seen there."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bioxen.server.logs import JsonLines, set_up
from bioxen.server.supervisor import Supervisor
from bioxen.server.workers import tracing

FBA = {"process_code": "metabolic_fba"}
SECRET = "correct horse battery staple"


def samples(http: httpx2.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_status(http: httpx2.Client) -> None:
    def count(path: str, status: int, method: str = "POST") -> float:
        labels = {"method": method, "route": path, "status": str(status)}
        return samples(http).get(("bioxen_http_requests_total", frozenset(labels.items())), 0.0)

    good, bad = count("/compute/metabolic", 200), count("/compute/metabolic", 422)
    known, unknown = count("/models/{name}", 200, "GET"), count("none", 404, "GET")
    for _ in range(3):
        assert http.post("/compute/metabolic", json=FBA).status_code == 200
    assert http.post("/compute/metabolic", json=FBA | {"objective": "nope"}).status_code == 422
    assert http.get("/models/textbook").status_code == 200
    assert http.get("/no-such-path").status_code == 404
    assert count("/compute/metabolic", 200) == good + 3
    assert count("/compute/metabolic", 422) == bad + 1
    assert count("/models/{name}", 200, "GET") == known + 1
    assert count("none", 404, "GET") == unknown + 1
    seconds = samples(http)[
        ("bioxen_http_request_seconds_count", frozenset({("route", "/compute/metabolic")}))
    ]
    assert seconds >= 4


def test_workers_replicas_and_jobs_are_counted(http: httpx2.Client, static: httpx2.Client) -> None:
    http.post("/compute/metabolic", json=FBA)
    workers = samples(static)
    engine = ("engine", "metabolic")
    assert workers[("bioxen_workers", frozenset({engine, ("state", "wanted")}))] == 1
    assert workers[("bioxen_tasks_completed_total", frozenset({engine}))] >= 1
    assert workers[("bioxen_queue_length", frozenset({engine}))] == 0
    whole = samples(http)
    healthy = [value for (name, _), value in whole.items() if name == "bioxen_replica_healthy"]
    assert healthy == [1.0, 1.0]
    states = {dict(labels)["state"] for name, labels in whole if name == "bioxen_jobs"}
    assert states == {"queued", "running", "done", "failed", "cancelled", "unknown"}


def test_tokens_and_owners_are_no_labels(http: httpx2.Client) -> None:
    http.get("/models", headers={"authorization": f"Bearer {SECRET}"})
    http.get(f"/{SECRET.replace(' ', '-')}")
    text = http.get("/metrics").text
    assert SECRET not in text
    assert SECRET.replace(" ", "-") not in text
    assert "owner" not in text


def test_ready_says_whether_something_can_be_computed(http: httpx2.Client) -> None:
    assert http.get("/ready").json()["status"] == "healthy"
    with Supervisor() as alone:
        for service in alone.services[:2]:
            service.ask_to_stop()
            assert service.process is not None
            service.process.wait()
        with httpx2.Client(base_url=alone.url, timeout=30, trust_env=False) as client:
            end = time.monotonic() + 60
            while (ready := client.get("/ready")).status_code == 200 and time.monotonic() < end:
                time.sleep(0.1)
            assert (ready.status_code, ready.json()["status"]) == (503, "unhealthy")
            assert client.get("/health").status_code == 200


def test_a_request_keeps_the_id_it_came_with(http: httpx2.Client) -> None:
    given = http.post("/compute/metabolic", json=FBA, headers={"x-request-id": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    for unfit in ({}, {"x-request-id": "two words"}, {"x-request-id": "x" * 200}):
        made = http.get("/models", headers=unfit)
        assert len(made.headers["x-request-id"]) == 16
    assert http.get("/nowhere", headers={"x-request-id": "abc-2"}).headers["x-request-id"] == "abc-2"


@contextmanager
def own_log() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_json_lines_carry_the_request_and_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with own_log():
        set_up("json", "info")
        with tracing.named("abc-3"):
            logging.getLogger("bioxen.test").info("two\nlines %d", 7, extra={"status": 200})
            try:
                raise ValueError("broken")
            except ValueError:
                logging.getLogger("bioxen.test").exception("it failed")
        first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first["message"] == "two\nlines 7"
    assert (first["level"], first["request_id"], first["status"]) == ("info", "abc-3", 200)
    assert "ValueError: broken" in second["traceback"]


def test_text_lines_carry_the_request_too(capsys: pytest.CaptureFixture[str]) -> None:
    with own_log():
        set_up("text", "warning")
        with tracing.named("abc-4"):
            logging.getLogger("bioxen.test").info("unheard")
            logging.getLogger("bioxen.test").warning("heard")
        assert capsys.readouterr().err.rstrip().endswith("WARNING bioxen.test [abc-4] heard")


def test_the_services_log_the_same_id_from_end_to_end() -> None:
    """The orchestrator passes the id to the replica: both have a line for the request, as JSON."""
    lines = _log_of_a_request("end-to-end-1")
    access = [line for line in lines if line["logger"] == "bioxen.access" and line["status"] == 200]
    asked = [line for line in access if line["request_id"] == "end-to-end-1"]
    assert [line["route"] for line in asked] == ["/compute/metabolic"] * 2


def _log_of_a_request(request_id: str) -> list[dict[str, object]]:
    script = f"""
import httpx2
from bioxen.server.supervisor import Supervisor
arguments = ["--log-format", "json", "--log-level", "info"]
with Supervisor(arguments=arguments, compute_arguments=["--workers", "1"]) as services:
    answer = httpx2.post(services.url + "/compute/metabolic", json={FBA!r}, trust_env=False, timeout=60,
                         headers={{"x-request-id": {request_id!r}}})
    assert answer.status_code == 200
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in io.StringIO(done.stderr) if line.startswith("{")]


def test_a_record_without_a_request_says_null() -> None:
    record = logging.makeLogRecord({"name": "x", "msg": "y"})
    assert json.loads(JsonLines().format(record))["request_id"] is None
