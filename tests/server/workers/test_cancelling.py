"""Each kind of long computation can be cancelled while it runs: its worker goes, and the next one is ready.

That it runs is known from its telling how far it is, a quarter of a second after it began at the earliest.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.server.engines.metabolic.bench import source as packaged_source

from bioxen.protocol.services import TaskProgress
from bioxen.server.bytecode.scan import admit
from bioxen.server.workers.base import Task
from bioxen.server.workers.local import LocalPool

SWING = "u = 1; v = 0; u' = 10*v; v' = -10*u;"
CROWD = "species A = 1000; => A; b; A => ; k*A; b = 1e4; k = 10;"
CLOCKED = f"{CROWD} q = 0; q' = 1; at q > 1e9: b = 0;"
LONG: dict[str, Any] = {"time_end": 1e6, "time_points": 1_000_001}
"""Minutes of work, of which a point is less than a millisecond."""
SHORT = {"process_code": "kinetic_ode", "time_end": 1.0, "time_points": 3}
KINDS: dict[str, tuple[str, dict[str, Any], str]] = {
    "cvode": (SWING, {"process_code": "kinetic_ode", "integrator": "cvode_bdf", **LONG}, "time"),
    "general": (SWING, {"process_code": "kinetic_ode", "integrator": "lsoda", **LONG}, "time"),
    "oscillation": (SWING, {"process_code": "kinetic_oscillation", **LONG}, "time"),
    "direct method": (CROWD, {"process_code": "kinetic_ssa", **LONG}, "time"),
    "lanes, direct method": (CLOCKED, {"process_code": "kinetic_ssa", **LONG}, "time"),
    "lanes, tau-leaping": (CROWD, {"process_code": "kinetic_tau_leaping", **LONG}, "time"),
    "ensemble": (
        CROWD,
        {
            "process_code": "kinetic_ensemble",
            "members": 100_000,
            "method": "ssa",
            "report": "summary",
            "time_end": 1e4,
            "time_points": 3,
        },
        "members",
    ),
    "sampling": (
        "textbook",
        {"process_code": "metabolic_sampling", "samples": 100_000, "thinning": 1000},
        "samples",
    ),
}


@pytest.mark.timeout(300)
def test_what_runs_is_stopped(subtests: pytest.Subtests) -> None:
    async def scene() -> None:
        async with LocalPool(engines=("kinetic", "metabolic"), size=1) as pool:
            for number, (kind, (text, request, phase)) in enumerate(KINDS.items()):
                with subtests.test(kind):
                    said = await _cancelled_as_it_spoke(pool, _task(text, request))
                    assert (said.phase, said.fraction < 1) == (phase, True)
                    assert json.loads(await pool.run(_task(SWING, SHORT)))["status"] == "completed"
                    assert pool.health().replaced == number + 1

    asyncio.run(scene())


async def _cancelled_as_it_spoke(pool: LocalPool, task: Task) -> TaskProgress:
    heard: asyncio.Future[TaskProgress] = asyncio.get_running_loop().create_future()

    def hear(said: TaskProgress) -> None:
        if not heard.done():
            heard.set_result(said)

    running = asyncio.create_task(pool.run(replace(task, heard=hear)))
    either: set[asyncio.Future[Any]] = {running, heard}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    assert not running.done(), await running
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    return await heard


def _task(text: str, request: dict[str, Any]) -> Task:
    engine = request["process_code"].partition("_")[0]
    source = admit(text) if engine == "kinetic" else packaged_source(text)
    return Task(engine, json.dumps(request).encode(), source.digest, source)
