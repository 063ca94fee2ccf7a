"""Narrower vectors, which other machines have, give the numbers of this machine's own.

Every engine of the lanes runs in another process on vectors of another width. `make test-widths` puts all
tests of the lanes to every width.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.server.engines.kinetic.models import BIRTH_DEATH, source_of

from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.ode.integrate import integrate
from bioxen.server.engines.kinetic.lanes.ode.sensitivity import sensitivities
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.lanes.ssa.stochastic import stochastic
from bioxen.server.engines.kinetic.lanes.steady.control import control
from bioxen.server.engines.kinetic.lanes.steady.steady import steady_states
from bioxen.server.engines.kinetic.loader import load

Floats = NDArray[np.float64]
OTHER = 2 if WIDTH == 4 else 4
MEMBERS = 11
"""More than lanes, and no multiple of them."""
FLOW = """A -> B; k1*A/(0.3 + A) - k2*B^h; B -> ; k3*B; -> A; k4;
A = 2; B = 0.1; k1 = 1.5; k2 = 0.4; k3 = 0.7; k4 = 0.3; h = 1.7;"""
EVENTS = (
    "at A < 0.5: A = A + 1; at 0.4 after B > 0.2, persistent=false: k4 = k4 + 0.1; at time >= 6: B = 2*B;"
)
CHANCE = """species S = 20, T = 0; => S; birth; S => T; 0.1*S; birth = 5; n = 0; z = 0; z' = 1;
at S > 24: birth = poisson(4); at exponential(0.5) after T > 9: n = n + 1, T = 0;
at z >= 3: z = 0, S = S + 2;"""
_SCRIPT = """
import io, sys
import numpy as np
from tests.server.engines.kinetic.lanes.test_lane_widths import ENGINES
found = io.BytesIO()
np.savez(found, **{name: engine() for name, engine in ENGINES.items()})
sys.stdout.buffer.write(found.getvalue())
"""


def _members(text: str, *, singly: bool = False) -> tuple[LaneProgram, Floats, Floats]:
    """Return a program, and members that start from ever more."""
    program = build(load(source_of(text)).sbml, singly=singly)
    states, parameters = (np.repeat(each, MEMBERS, axis=0) for each in program.initial_values({}))
    spread = np.arange(MEMBERS)[:, None] if singly else states * np.linspace(-0.5, 1, MEMBERS)[:, None]
    return program, states + spread, parameters


def _courses(text: str, times: Floats) -> Floats:
    program, states, parameters = _members(text)
    runs = [integrate(program, states, parameters, times, method=each) for each in ("tsit5", "rodas5p")]
    assert all(run.status.max() == 0 for run in runs)
    return np.concatenate([run.values for run in runs])


def _sensitivities() -> Floats:
    program, _, _ = _members(FLOW)
    varied = {"k1": 1.5, "B": 0.1, "k2": 0.4, "h": 1.7, "A": 2.0}
    return sensitivities(program, varied, np.linspace(0, 10, 21), method="rodas5p").slopes


def _rest() -> Floats:
    """Return steady states, and what the coefficients say of each."""
    program, states, parameters = _members(FLOW)
    parameters = parameters * np.linspace(0.9, 1.1, MEMBERS)[:, None]
    found = steady_states(program, states, parameters)
    assert found.status.max() == 0
    of = control(program, found.states, parameters)
    tables = (of.elasticities, of.concentration_control, of.flux_control)
    return np.hstack([found.states, *(table.reshape(MEMBERS, -1) for table in tables)])


def _chance(text: str, method: Literal["direct", "tau-leaping"], seeds: list[int] | None = None) -> Floats:
    program, states, parameters = _members(text, singly=True)
    times = np.linspace(0, 10, 21)
    run = stochastic(program, states, parameters, times, seed=seeds or 5, method=method)
    assert run.status.max() == 0
    return run.values


ENGINES: dict[str, Callable[[], Floats]] = {
    "courses": lambda: _courses(FLOW, np.linspace(0, 10, 21)),
    "events": lambda: _courses(FLOW + EVENTS, np.linspace(0, 10, 21)),
    "sensitivities": _sensitivities,
    "rest": _rest,
    "direct": lambda: _chance(BIRTH_DEATH, "direct"),
    "own_seeds": lambda: _chance(BIRTH_DEATH, "direct", [7 * seed for seed in range(MEMBERS)]),
    "stochastic_events": lambda: _chance(CHANCE, "direct"),
    "leaping": lambda: _chance(BIRTH_DEATH.replace("birth = 5", "birth = 500"), "tau-leaping"),
}
EXACT = {"direct", "own_seeds", "stochastic_events", "leaping"}
"""A trajectory by chance is another one or the same."""


def _elsewhere(lanes: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env=os.environ | {"BIOXEN_LANES": lanes, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, Floats]:
    """Return what each engine gives on vectors of the other width."""
    done = _elsewhere(str(OTHER))
    assert done.returncode == 0, done.stderr.decode()
    return dict(np.load(io.BytesIO(done.stdout)))


@pytest.mark.timeout(600)  # the first of them compiles the drivers twice
@pytest.mark.parametrize("name", ENGINES)
def test_other_widths_give_the_same(name: str, elsewhere: dict[str, Floats]) -> None:
    expected = ENGINES[name]()
    assert np.isfinite(expected).all()
    if name in EXACT:
        assert (elsewhere[name] == expected).all()
    else:
        np.testing.assert_allclose(elsewhere[name], expected, rtol=1e-9, atol=1e-12)


def test_other_widths_are_refused_by_name() -> None:
    done = _elsewhere("3")
    assert done.returncode != 0
    assert b"BIOXEN_LANES is '3'" in done.stderr
