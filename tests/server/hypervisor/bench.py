"""A runtime over a store on the disk, and services that answer from memory: no engine is needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from tests.server.stores import store_at
from tests.vm.doubles import FakeServices, kinetic_answer, metabolic_answer

from bioxen.server.cache.status import add_seconds
from bioxen.server.hypervisor.runtime import HypervisorRuntime
from bioxen.server.store.owners import LOCAL, add_owner

T = TypeVar("T")
SECONDS = 2.0


def grown(request: dict[str, Any]) -> dict[str, Any]:
    """Return a culture that doubled its biomass and took up half of everything, in its whole time."""
    start = request.get("initial_concentrations", {"EX_glc__D_e": 10.0})
    biomass = request.get("initial_biomass", 0.01)
    return {
        "time": [0.0, request.get("time_end", 10.0)],
        "biomass": [biomass, 2 * biomass],
        "concentrations": {name: [amount, amount / 2] for name, amount in start.items()},
        "growth_rate": [0.1, 0.1],
        "ended": "time_end",
    }


def moved(request: dict[str, Any]) -> dict[str, Any]:
    """Return a simulation in which mRNA rises by one for each unit of time."""
    start, end = request.get("time_start", 0.0), request.get("time_end", 100.0)
    value = request.get("initial_conditions", {}).get("[mRNA]", 0.0) + end - start
    return {"time_vector": [start, end], "final_state": {"[mRNA]": value}, "species_trajectories": None}


class Services(FakeServices):
    """Services whose dynamic answers depend on where a request starts."""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path not in ("/compute/metabolic", "/compute/kinetic"):
            return super().__call__(request)
        body = json.loads(request.content)
        self.requests.append(body)
        if request.url.path == "/compute/kinetic":
            answer = kinetic_answer(body, **{**moved(body), **self.changes})
        elif body["process_code"] == "metabolic_dfba":
            answer = metabolic_answer(body, **{"dynamics": grown(body), **self.changes})
        else:
            answer = metabolic_answer(body, **self.changes)
        return httpx2.Response(200, json=answer)


class Metered(Services):
    """Services whose workers are busy for two seconds with each request."""

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        answer = super().__call__(request)
        if request.url.path.startswith("/compute/"):
            add_seconds(SECONDS)
        return answer


class Bench:
    """A runtime that can be restarted; its calls are awaited in a loop of its own."""

    def __init__(self, folder: Path) -> None:
        self.services = Services()
        self.loop = asyncio.new_event_loop()
        self._folder = folder
        self.open()

    def open(self) -> None:
        self.store = store_at(self._folder).open()
        self.store.write_now(add_owner, LOCAL)
        self.store.write_now(add_owner, "ada")
        self.cells = HypervisorRuntime(self.store)
        self.cells.ask(self.services.client())

    def shut(self) -> None:
        self.cells.close()
        self.store.close()

    def restart(self) -> None:
        self.shut()
        self.open()

    def end(self) -> None:
        self.shut()
        self.loop.close()

    def do(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(call)
