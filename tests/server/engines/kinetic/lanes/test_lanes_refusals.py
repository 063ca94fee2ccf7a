"""What the lanes do not run is refused, and the refusal names it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered
from bioxen.server.engines.kinetic.loader import from_antimony

REFUSED = {
    "an event that sets S later, while the size of its compartment changes": (
        "model m; compartment c = 1; c' = 1; species S in c = 1; E: at 2 after time > 1: S = 3; end"
    ),
    "an event whose priority is computed": (
        "model m; x = 0; x' = 1; p = 1; E: at x > 1, priority=p: x = 0; end"
    ),
    "events with the same priority": (
        "model m; x = 0; x' = 1; E: at x > 1, priority=1: x = 0; F: at x > 2, priority=1: x = 1; end"
    ),
    "an equality in the trigger of an event": "model m; x = 0; x' = 1; E: at x == 1: x = 0; end",
    "k without a value": "model m; species A = 1; A -> ; k * A; end",
    "the factorial of something that changes with time": "model m; x = 1; x' = factorial(ceil(x)); end",
    "the reaction R without a kinetic law": "model m; species A = 1; R: A -> ;; end",
    "the rate of S in a compartment whose size a rule computes": (
        "model m; compartment c := 1 + time; species S in c = 1; S' = 1; end"
    ),
}


@pytest.mark.parametrize("construct", REFUSED)
def test_refused_by_name(construct: str) -> None:
    with pytest.raises(Uncovered, match=re.escape(construct)) as refusal:
        build(from_antimony(REFUSED[construct]))
    assert construct in refusal.value.construct


def test_fast_reactions_are_refused() -> None:
    newer = from_antimony("model m; species A = 1; k = 1; R: A -> ; k * A; end")
    sbml = newer.replace('version2/core" level="3" version="2"', 'version1/core" level="3" version="1"')
    fast = sbml.replace('reversible="true"', 'reversible="true" fast="true"')
    with pytest.raises(Uncovered, match="a fast reaction"):
        build(fast)


def test_circular_definitions_are_refused() -> None:
    sbml = from_antimony("model m; a := b + 1; b := 22; x = 0; x' = a; end")
    with pytest.raises(Uncovered, match="the circular definition of"):
        build(sbml.replace('<cn type="integer"> 22 </cn>', "<ci> a </ci>"))


def test_broken_text_is_refused() -> None:
    sbml = from_antimony("model m; x = 0; x' = 1; end")
    with pytest.raises(Uncovered, match="cannot read"):
        build(sbml.replace("</listOfRules>", ""))


def test_an_unused_value_may_be_missing() -> None:
    sbml = from_antimony("model m; species A = 1; k = 1; unused = 2; A -> ; k * A; end")
    program = build(sbml.replace('id="unused" value="2"', 'id="unused"'))
    assert np.isnan(program.default_parameters[program.parameters.index("unused")])


def test_deep_formulas_are_refused_not_fatal() -> None:
    text = "model m; x = 1; x' = " + "(1 + " * 900 + "x" + ")" * 900 + "; end"
    sbml = from_antimony(text)
    with pytest.raises(Uncovered, match="nested"):
        build(sbml)
