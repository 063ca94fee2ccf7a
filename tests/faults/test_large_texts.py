"""An owner's large model is sent to each service and worker once; whatever dies, answers stay the same.

Promised: a service that was killed and started anew under its URL, and a worker that was killed between two
requests, lack the text, are sent it again, and give the bytes they gave before.
"""

from __future__ import annotations

import os
import signal

import pytest
from tests.faults.scene import FBA as CORE
from tests.faults.scene import FULL, Scene, took
from tests.server.toys import toy

pytestmark = pytest.mark.faults
MODEL = "large-toy"
FBA = {"process_code": "metabolic_fba", "model": MODEL}
VARIANTS = [{"constraints": {"EX_a_e": [-number / 100, 0.0]}} for number in range(1000)]
BATCH = FBA | {"process_code": "metabolic_batch", "variants": VARIANTS}
"""Four parts, each of which is about the whole model."""


def answered(scene: Scene) -> list[bytes]:
    answers = [scene.post("/compute/metabolic", body) for body in (FBA, BATCH)]
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    return [answer.content for answer in answers]


def test_nobody_notices_who_lacks_a_text(unharmed: Scene) -> None:
    text = toy(10.0) + " " * 200_000
    assert unharmed.post("/models", {"id": MODEL, "text": text}).status_code in (200, 201)
    right = answered(unharmed)
    assert b'"model_id":"large-toy"' in right[0]
    assert answered(unharmed) == right
    unharmed.workers("metabolic")[0].kill()  # one: a task that meets two dead ones is given up
    assert answered(unharmed) == right
    if FULL:
        start_anew(unharmed)
        assert answered(unharmed) == right


def start_anew(scene: Scene) -> None:
    """Kill the metabolic service and start it under the same URL."""
    victim = scene.service("metabolic")
    assert victim.process is not None
    url = victim.url
    os.kill(victim.process.pid, signal.SIGKILL)
    victim.process.wait()
    victim.start()
    assert victim.url == url
    took(lambda: scene.post("/compute/metabolic", CORE).status_code == 200)
