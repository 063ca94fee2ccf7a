"""Tokens over HTTP: who asks, what for, and until when; one owner never sees another's jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bioxen.protocol.tokens import SCOPES, Scope
from bioxen.server.api.security import NEEDED
from bioxen.server.app import orchestrator_app
from bioxen.server.settings import ServiceSettings
from bioxen.server.store import keyring
from bioxen.server.store.quotas import set_quotas
from bioxen.server.store.store import Store
from bioxen.server.store.tokens import create_token, revoke_token

SECRET = "correct horse battery staple"
JOB = {"request": {"process_code": "metabolic_fba"}}
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "compute": ("POST", "/compute/metabolic", {"process_code": "metabolic_fba"}),
    "jobs": ("GET", "/jobs", None),
    "cells": ("GET", "/vms", None),
    "admin": ("GET", "/services", None),
}
Ask = Callable[[httpx2.AsyncClient], Coroutine[Any, Any, None]]


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Store]:
    """The store as another process has it: the command line, beside the running server."""
    store = Store.at(tmp_path).open(alone=False)
    yield store
    store.close()


def during(tmp_path: Path, ask: Ask, token: str | None = None) -> None:
    """Run `ask` against an orchestrator without replicas on this store."""

    async def run() -> None:
        app = orchestrator_app(ServiceSettings(workers=1, store=tmp_path, token=token), [])
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as client,
        ):
            await ask(client)

    asyncio.run(run())


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_a_used_up_quota_is_named_and_the_owner_sees_it_beforehand(tmp_path: Path, outside: Store) -> None:
    async def ask(client: httpx2.AsyncClient) -> None:
        token = made(outside, "ada", "jobs")
        outside.write_now(set_quotas, "ada", {"queued_jobs": 1})
        assert (await client.post("/jobs", json=JOB, headers=token)).status_code == 202
        report = (await client.get("/owner", headers=token)).json()
        assert (report["owner"], report["scopes"]) == ("ada", ["jobs"])
        assert report["quotas"]["queued_jobs"] == report["usage"]["queued_jobs"] == 1
        refused = await client.post("/jobs", json=JOB, headers=token)
        assert (refused.status_code, refused.json()["code"]) == (503, "BX004")
        assert refused.json()["details"]["quota"] == "queued_jobs"
        assert int(refused.headers["retry-after"]) >= 1

    during(tmp_path, ask)


def made(store: Store, owner: str, *scopes: Scope, expires_at: str | None = None) -> dict[str, str]:
    return bearer(store.write_now(create_token, owner, "test", scopes, expires_at).secret)


def test_each_scope_opens_its_routes_and_no_others(tmp_path: Path, outside: Store) -> None:
    async def ask(client: httpx2.AsyncClient) -> None:
        for scope in SCOPES:
            token = made(outside, "ada", scope)
            for needed, (method, path, body) in REQUESTS.items():
                answer = await client.request(method, path, json=body, headers=token)
                if scope in (needed, "admin"):
                    assert answer.status_code in (200, 503), (scope, path)  # 503: it has no replicas
                else:
                    assert answer.status_code == 403
                    assert answer.json()["code"] == "BX021"
                    assert answer.json()["details"] == {"scope": needed, "scopes": [scope]}
            assert (await client.get("/models", headers=token)).status_code == 200

    during(tmp_path, ask)


def test_every_route_has_a_scope_or_is_said_to_need_none() -> None:
    paths = orchestrator_app(ServiceSettings(workers=1), []).openapi()["paths"]
    assert {path.split("/")[1] for path in paths} <= set(NEEDED)


def test_what_no_longer_counts_is_refused(tmp_path: Path, outside: Store) -> None:
    async def ask(client: httpx2.AsyncClient) -> None:
        good = outside.write_now(create_token, "ada", "test", ["jobs"])
        old = made(outside, "ada", "jobs", expires_at="2020-01-01T00:00:00+00:00")
        for _ in range(3):  # remembered from the second time on
            assert (await client.get("/jobs", headers=bearer(good.secret))).status_code == 200
        outside.write_now(revoke_token, good.token.token_id)
        for headers in (bearer(good.secret), old, bearer("bx_guessed"), {"authorization": "Basic x"}):
            answer = await client.get("/jobs", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "BX008")
            assert answer.headers["www-authenticate"] == "Bearer"

    during(tmp_path, ask)


def test_a_remembered_token_expires_too(
    tmp_path: Path, outside: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(client: httpx2.AsyncClient) -> None:
        then = datetime.now(UTC) + timedelta(hours=1)
        token = made(outside, "ada", "jobs", expires_at=then.isoformat(timespec="microseconds"))
        assert (await client.get("/jobs", headers=token)).status_code == 200
        monkeypatch.setattr(keyring, "now", lambda: then.isoformat(timespec="microseconds"))
        assert (await client.get("/jobs", headers=token)).status_code == 401

    during(tmp_path, ask)


def test_one_owner_never_sees_anothers_jobs(tmp_path: Path, outside: Store) -> None:
    async def ask(client: httpx2.AsyncClient) -> None:
        ada, bob = made(outside, "ada", "jobs"), made(outside, "bob", "jobs", "admin")
        key = {"idempotency-key": "same"}
        hers = (await client.post("/jobs", json=JOB, headers=ada | key)).json()["job_id"]
        assert (await client.post("/jobs", json=JOB, headers=ada | key)).json()["job_id"] == hers
        his = (await client.post("/jobs", json=JOB, headers=bob | key)).json()["job_id"]
        assert his != hers
        for method, path in (
            ("GET", f"/jobs/{hers}"),
            ("DELETE", f"/jobs/{hers}"),
            ("GET", f"/jobs/{hers}/result"),
            ("GET", f"/jobs/{hers}/parts/0"),
            ("GET", f"/jobs?after={hers}"),
        ):
            answer = await client.request(method, path, headers=bob)
            assert (answer.status_code, answer.json()["code"]) == (404, "BX019"), path
        for headers, own in ((ada, hers), (bob, his), ({}, None)):
            listed = [job["job_id"] for job in (await client.get("/jobs", headers=headers)).json()["jobs"]]
            assert listed == ([own] if own else [])

    during(tmp_path, ask)


def test_without_a_token_loopback_is_the_owner_local_unless_a_proxy_asks(
    tmp_path: Path, outside: Store
) -> None:
    passed_on = {"x-forwarded-for": "203.0.113.7"}

    async def ask(client: httpx2.AsyncClient) -> None:
        assert (await client.get("/services")).status_code == 200
        assert (await client.get("/services", headers=passed_on)).status_code == 200
        token = made(outside, "ada", "jobs")
        assert (await client.get("/services")).status_code == 200
        assert (await client.get("/services", headers=passed_on)).status_code == 401
        assert (await client.get("/jobs", headers=passed_on | token)).status_code == 200
        assert (await client.get("/jobs", headers={"host": "evil.example"})).status_code == 421

    during(tmp_path, ask)


def test_the_services_secret_is_an_admin_and_then_everyone_needs_a_token(
    tmp_path: Path, outside: Store
) -> None:
    async def ask(client: httpx2.AsyncClient) -> None:
        token = made(outside, "ada", "jobs")
        for headers, path, status in (
            ({}, "/jobs", 401),
            (bearer(SECRET + "x"), "/jobs", 401),
            (bearer(SECRET), "/services", 200),
            (token, "/jobs", 200),
            (token, "/services", 403),
        ):
            assert (await client.get(path, headers=headers)).status_code == status, (path, status)

    during(tmp_path, ask, SECRET)
