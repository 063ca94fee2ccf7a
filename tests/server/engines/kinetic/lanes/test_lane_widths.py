"""Narrower vectors, which other machines have, give the numbers of this machine's own."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from tests.server.engines.kinetic.models import source_of

from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.ode.integrate import integrate
from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.kinetic.loader import load

_MODEL = """model narrow
A -> B; k1*A/(0.3 + A) - k2*B^h; B -> ; k3*B
A = 2; B = 0.1; k1 = 1.5; k2 = 0.4; k3 = 0.7; h = 1.7
at A < 0.5: A = A + 1
end"""
_SCRIPT = """
import sys
from tests.server.engines.kinetic.lanes.test_lane_widths import courses
sys.stdout.buffer.write(courses().tobytes())
"""


def courses() -> np.ndarray:
    """Return [members][points][states]; more members than lanes, by both methods."""
    program = build(load(source_of(_MODEL)).sbml)
    states, parameters = (np.repeat(each, 11, axis=0) for each in program.initial_values({}))
    states = states * np.linspace(0.5, 2.0, 11)[:, None]
    times = np.linspace(0, 10, 21)
    runs = [integrate(program, states, parameters, times, method=each) for each in ("tsit5", "rodas5p")]
    assert all(run.status.max() == 0 for run in runs)
    return np.concatenate([run.values for run in runs])


def _elsewhere(lanes: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env=os.environ | {"BIOXEN_LANES": lanes, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )


@pytest.mark.timeout(400)  # it compiles the drivers twice
@pytest.mark.parametrize("lanes", [2 if WIDTH == 4 else 4])
def test_narrower_vectors_give_the_same(lanes: int) -> None:
    done = _elsewhere(str(lanes))
    assert done.returncode == 0, done.stderr.decode()
    expected = courses()
    np.testing.assert_allclose(
        np.frombuffer(done.stdout).reshape(expected.shape), expected, rtol=1e-9, atol=1e-12
    )


def test_other_widths_are_refused_by_name() -> None:
    done = _elsewhere("3")
    assert done.returncode != 0
    assert b"BIOXEN_LANES is '3'" in done.stderr
