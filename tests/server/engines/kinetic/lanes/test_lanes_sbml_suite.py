"""Every case of the SBML Test Suite is refused by name, or starts as it does in libRoadRunner.

Values at the start and rates there and at random states; whole courses are tested with the integrators.
"""

from __future__ import annotations

import numpy as np
import pytest
from tests.server.engines.kinetic.lanes.against_libroadrunner import Pair
from tests.server.engines.kinetic.models import source_of
from tests.shared_data import DIRECTORY, shared

from bioxen.errors import InvalidModelError
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.loader import load

SUITE = DIRECTORY / "sbml-test-suite" / "cases" / "semantic"
REFUSED = {
    "an event whose priority is computed",
    "an event that sets S1 later, while the size of its compartment changes",
}
FIRES_AT_START = {"00995", "01334", "01336", "01527", "01684", "01686", "01693", "01698"}
"""An event changes these at time 0. libRoadRunner shows values after it, and `initial_values` before it."""
RULED_STOICHIOMETRY = {"01449", "01450", "01452", "01637", "01718", "01723"}
"""A rate rule changes a stoichiometry. libRoadRunner's rates of change mix up their columns then."""


def cases() -> list[str]:
    """Return the time courses of the suite."""
    names = sorted(path.name for path in SUITE.glob("[0-9]*")) if SUITE.exists() else []
    return [name for name in names if "FluxBalance" not in (SUITE / name / f"{name}-model.m").read_text()]


def text_of(case: str) -> str:
    return max(shared("sbml-test-suite", "cases", "semantic", case).glob("*-sbml-*.xml")).read_text()


@pytest.mark.parametrize("case", cases() or ["absent"])
def test_right_or_refused(case: str) -> None:
    try:
        if load(source_of(text_of(case), "sbml")).facts.beyond_roadrunner:
            return  # nothing could audit the lanes, so such models never come to them
        both = Pair(text_of(case))
    except InvalidModelError:
        return  # the loader's own refusal, tested there
    except Uncovered as refusal:
        assert refusal.construct in REFUSED
        return
    if case in FIRES_AT_START:
        return
    program = both.program
    random = np.random.default_rng(int(case))
    points = [
        program.default_states,
        *(program.default_states * random.uniform(0.5, 2, (2, len(program.states)))),
    ]
    for states in points:
        both.set(program.states, states)
        both.check_values(states, program.default_parameters)
        if case not in RULED_STOICHIOMETRY:
            both.check_rates(states, program.default_parameters)
