"""Two owners at one worker: the one request of the one does not wait for the many of the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bioxen.protocol.processes import Service
from bioxen.server.app import orchestrator_app, service_app
from bioxen.server.orchestrator.callers import DirectCaller
from bioxen.server.settings import ServiceSettings
from bioxen.server.store.store import Store
from bioxen.server.store.tokens import create_token

MANY = 40
KINETIC: Service = "dynamic"
MODEL = {"kinetic_code": "S = 1; S' = sin(1e3*time)", "time_end": 30.0}
"""Some hundredths of a second of work, and a short answer."""


@asynccontextmanager
async def server(store: Path) -> AsyncIterator[dict[str, httpx2.AsyncClient]]:
    """Give a client of each owner, of an orchestrator with one kinetic worker."""
    beside = Store.at(store).open(alone=False)
    secrets = {
        owner: beside.write_now(create_token, owner, "test", ["compute", "cells"]).secret
        for owner in ("ada", "bob")
    }
    beside.close()
    settings = ServiceSettings(workers=1, store=store, cache_bytes=0)
    service, url = service_app(KINETIC, settings), "http://localhost:5002"
    app = orchestrator_app(settings, [(KINETIC, url)], DirectCaller({url: service.state.computer}))
    async with service.router.lifespan_context(service), app.router.lifespan_context(app):
        clients = {
            owner: httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app),
                base_url="http://localhost",
                headers={"authorization": f"Bearer {secret}"},
                timeout=60,
            )
            for owner, secret in secrets.items()
        }
        yield clients
        for client in clients.values():
            await client.aclose()


def simulation(number: int) -> dict[str, Any]:
    return {"process_code": "kinetic_ode", **MODEL, "time_points": 10 + number}


async def in_order(clients: dict[str, httpx2.AsyncClient], path: str, bodies: list[Any]) -> list[str]:
    """Send all bodies but the last for ada, and once she has an answer that for bob.

    Return who got an answer from then on, in its order.
    """
    order: list[str] = []

    async def one(owner: str, body: Any) -> None:
        answer = await clients[owner].post(path, json=body)
        assert answer.status_code == 200, answer.text
        order.append(owner)

    flood = [asyncio.create_task(one("ada", body)) for body in bodies[:-1]]
    await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
    metrics = (await clients["bob"].get("/metrics")).text
    assert 'bioxen_requests_waiting{service="dynamic"} 0.0' not in metrics
    before = len(order)
    await asyncio.gather(one("bob", bodies[-1]), *flood)
    return order[before:]


@pytest.mark.parametrize("path", ["/compute/kinetic", "/vms/cell/processes"])
def test_a_flood_of_one_owner_hardly_delays_another(path: str, tmp_path: Path) -> None:
    async def main() -> None:
        async with server(tmp_path) as clients:
            for client in clients.values():
                made = await client.post("/vms", json={"vm_id": "cell", "biological_type": "ecoli"})
                assert made.status_code == 201, made.text
                await client.post("/vms/cell/actions/start")
            bodies = [simulation(number) for number in range(MANY + 1)]
            if "vms" in path:
                bodies = [{"process_code": body.pop("process_code"), "context": body} for body in bodies]
            order = await in_order(clients, path, bodies)
        flood = order.count("ada")
        assert flood > MANY // 2, "the flood was over before it could delay anybody"
        assert order.index("bob") < flood / 2, order  # the last of all, were it first come, first served

    asyncio.run(main())
