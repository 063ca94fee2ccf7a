"""A client that hangs up stops its computation: the worker is free for others."""

from __future__ import annotations

import contextlib
import time

import httpx2
import pytest

from bioxen.server.supervisor import Supervisor

ENDLESS = """
model endless
  species S = 1;
  S' = sin(1e9*time);
end
"""


@pytest.mark.parametrize("through", ["service", "orchestrator"])
def test_a_client_that_hangs_up_frees_the_worker(services: Supervisor, through: str) -> None:
    kinetic = next(service.url for service in services.services if service.name == "kinetic")
    url = kinetic if through == "service" else services.url
    body = {"process_code": "kinetic_ode", "kinetic_code": ENDLESS, "time_end": 1e6, "deadline": 50.0}
    with contextlib.suppress(httpx2.ReadTimeout):
        httpx2.post(
            f"{url}/compute/kinetic", json=body, timeout=httpx2.Timeout(10, read=1.0), trust_env=False
        )
    end = time.monotonic() + 20
    while time.monotonic() < end:
        workers = httpx2.get(f"{kinetic}/health", trust_env=False).json()["workers"]
        if workers["busy"] == 0:
            break
        time.sleep(0.05)
    assert workers["busy"] == 0
    answer = httpx2.post(
        f"{url}/compute/kinetic",
        json={"process_code": "kinetic_ssa", "time_end": 1.0},
        timeout=20,
        trust_env=False,
    )
    assert answer.status_code == 200
