"""Events with delays, and events that wait no more once their trigger is false: times known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.ode.integrate import STATUS, Method, Trajectories, integrate
from bioxen.server.engines.kinetic.loader import from_antimony

METHODS: tuple[Method, ...] = ("tsit5", "rodas5p")
TIMES = np.linspace(0, 10, 101)


def run(text: str, method: Method, **given: list[float]) -> tuple[Trajectories, dict[str, np.ndarray]]:
    """Return the run, and [members][points] of each state and parameter."""
    program = build(from_antimony(f"model m; {text} end"))
    states, parameters = program.initial_values(given)
    found = integrate(program, states, parameters, TIMES, method=method, rtol=1e-9, atol=1e-12)
    assert found.parameters is not None
    columns = {name: found.values[:, :, index] for index, name in enumerate(program.states)}
    columns |= {name: found.parameters[:, :, index] for index, name in enumerate(program.parameters)}
    return found, columns


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kept", [True, False])
def test_what_is_assigned_after_a_delay(method: Method, kept: bool) -> None:
    """Each member waits as long as its own parameter says; the value is of the trigger's time or later."""
    waits = np.array([0.0, 0.75, 3.3])
    text = f"x = 0; x' = 1; y = 0; d = 1; E: at d after x > 2, fromTrigger={str(kept).lower()}: y = x;"
    found, columns = run(text, method, d=list(waits))
    assert found.status.max() == 0
    for member, wait in enumerate(waits):
        expected = np.where(2 + wait < TIMES, 2.0 if kept else 2 + wait, 0.0)
        settled = np.abs(TIMES - 2 - wait) > 1e-6
        assert columns["y"][member][settled] == pytest.approx(expected[settled], abs=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_several_wait_at_once(method: Method) -> None:
    """Triggered at 1, 2, 3, ..., each time carried out 3.5 later with the time it was triggered."""
    text = "x = 0; x' = 1; n = 0; s = 0; T: at x >= 1: x = 0; E: at 3.5 after x >= 1: s = s + 1, n = time;"
    found, columns = run(text, method)
    assert found.status.max() == 0
    after = columns["s"][0][np.arange(5, 101, 10)]  # at 0.5, 1.5, ...
    counted = columns["n"][0][np.arange(7, 101, 10)]
    assert after[:4].tolist() == [0.0] * 4
    assert counted[4:] == pytest.approx(np.arange(1.0, 7.0), abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_an_event_that_is_not_persistent_is_called_off(method: Method) -> None:
    text = (
        "x := sin(time); t = 0; t' = 1; y = 0; z = 0; d = 1;"
        "E: at d after x > 0.5, persistent=false, t0=true: y = 1; F: at d after x > 0.5, t0=true: z = 1;"
    )
    found, columns = run(text, method, d=[1.0, 4.0])  # sin is above 0.5 from 0.524 to 2.618
    assert found.status.max() == 0
    assert (columns["y"][0] == (np.pi / 6 + 1 < TIMES)).all()
    assert (columns["y"][1] == 0).all()
    assert (columns["z"][1] == (np.pi / 6 + 4 < TIMES)).all()


def test_members_that_cannot_go_on_say_why() -> None:
    found, _ = run("x = 0; x' = 1; y = 0; d = 1; E: at d after x > 2: y = 1;", "tsit5", d=[1.0, -1.0])
    assert [STATUS[each] for each in found.status] == ["ok", "the delay of an event is negative or no number"]
    crowd = "x = 0; x' = 1; y = 0; T: at x >= %g: x = 0; E: at 8.05 after x >= %g: y = 1;"
    found, columns = run(crowd % (0.1, 0.1), "tsit5")
    assert found.status.max() == 0  # up to eighty wait at a time
    assert (columns["y"][0] == (TIMES > 8.1)).all()
    found, _ = run(crowd % (0.005, 0.005), "tsit5")
    assert [STATUS[each] for each in found.status] == ["too many events wait for their delays"]
