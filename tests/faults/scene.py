"""Running services to do harm to, and the questions whose answers are known."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import psutil

from bioxen.client import BiologicalComputationClient
from bioxen.protocol.metabolic import BatchRequest, Variant
from bioxen.server.orchestrator.cutting import SHARD
from bioxen.server.supervisor import ServiceProcess, Supervisor

FULL = os.environ.get("BIOXEN_FAULTS") == "full"
"""Whether the long forms are run (`make test-faults`)."""
GROWTH = 0.8739215069684303
"""The growth rate of the core model, 1/h; any other answer is a wrong one."""
ENDLESS = {
    "process_code": "kinetic_ode",
    "kinetic_code": "S = 1; S' = sin(1e3*time)",
    "time_end": 1e5,
    "time_points": 100_000,
}
"""Two hundred million steps of an integrator, none of which fails."""
HUNGRY = {"process_code": "kinetic_steady_state", "kinetic_code": "S=1; S' = " + "+".join(["1"] * 1_000_000)}
"""A formula of a million terms: every reader of it makes a tree as deep."""
FBA = {"process_code": "metabolic_fba"}
SSA = {"process_code": "kinetic_ssa", "time_end": 1.0, "seed": 7}
HANGS = 120.0
"""Seconds after which something that should recover hangs; nothing below is timed more sharply."""


@dataclass
class Scene:
    """Services under attack."""

    services: Supervisor

    @property
    def url(self) -> str:
        """The orchestrator."""
        return self.services.url

    def service(self, name: str) -> ServiceProcess:
        """Return the first service of that name."""
        return next(service for service in self.services.services if service.name == name)

    def post(self, path: str, body: Any, url: str | None = None, timeout: float = 120.0) -> httpx2.Response:
        """Send a request as a stranger's client would."""
        return httpx2.post((url or self.url) + path, json=body, timeout=timeout, trust_env=False)

    def get(self, path: str, url: str | None = None) -> httpx2.Response:
        """Fetch something."""
        return httpx2.get((url or self.url) + path, timeout=120, trust_env=False)

    def workers(self, name: str) -> list[psutil.Process]:
        """Return the worker processes of a service."""
        process = self.service(name).process
        assert process is not None
        (zygote,) = psutil.Process(process.pid).children()
        return zygote.children()

    def health(self, name: str) -> dict[str, Any]:
        """Return what a service says of its workers."""
        workers: dict[str, Any] = self.get("/health", self.service(name).url).json()["workers"]
        return workers

    def until_healthy(self) -> float:
        """Wait until everything answers with all its workers, none of them busy; return the seconds."""
        return took(self._is_healthy)

    def until_healthy_of(self, name: str) -> float:
        """Wait until a service has all its workers; return the seconds."""
        return took(lambda: self.health(name)["ready"] == self.health(name)["size"])

    def _is_healthy(self) -> bool:
        try:
            if self.get("/health").json()["status"] != "healthy":
                return False
            workers = [self.health(name) for name in ("metabolic", "kinetic")]
        except (httpx2.TransportError, ValueError):
            return False
        return all(one["ready"] == one["size"] and one["busy"] == 0 for one in workers)

    def answers_rightly(self) -> None:
        """Ask both services what they must know."""
        answer = self.post("/compute/metabolic", FBA)
        assert answer.status_code == 200, answer.text
        assert abs(answer.json()["optimal_objective"] - GROWTH) < 1e-9
        assert self.post("/compute/kinetic", SSA).status_code == 200


def took(condition: Callable[[], bool]) -> float:
    """Return the seconds until `condition` was true; one that never is hangs."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < HANGS, "it does not recover"
        time.sleep(0.005)
    return time.monotonic() - start


def screen(parts: int) -> BatchRequest:
    """Return a batch of that many parts, each with numbers of its own."""
    variants = [
        Variant(constraints={"EX_glc__D_e": (-1.0 - number % 1000 / 100, 1000.0)})
        for number in range(SHARD * parts)
    ]
    return BatchRequest(process_code="metabolic_batch", variants=variants)


def truth(scene: Scene, request: BatchRequest) -> bytes:
    """Return the bytes that an undisturbed service answers."""
    answer = httpx2.post(
        scene.url + "/compute/metabolic",
        content=request.model_dump_json(exclude_none=True),
        headers={"content-type": "application/json"},
        timeout=90,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return answer.content


def submitted(request: BatchRequest) -> dict[str, Any]:
    """Return the body of `POST /jobs`."""
    return {"request": json.loads(request.model_dump_json(exclude_none=True))}


def client_of(services: Supervisor) -> BiologicalComputationClient:
    """Return BioXen's own client."""
    return BiologicalComputationClient(services.url, services.url, services.url)
