"""The flux balance cases of the SBML Test Suite, in every SBML level they come in."""

from __future__ import annotations

import csv

import libsbml
import pytest
from tests.server.engines.metabolic.bench import ENGINE, run
from tests.shared_data import shared

from bioxen.server.bytecode.scan import admit

CASES = [
    "01187",
    "01189",
    "01191",
    "01192",
    "01610",
    "01613",
    "01614",
    "01617",
    "01620",
    "01623",
    "01625",
    "01629",
]


@pytest.mark.parametrize("level", ["l3v1", "l3v2"])
@pytest.mark.parametrize("case", CASES)
def test_case_gives_the_expected_fluxes(case: str, level: str) -> None:
    folder = shared("sbml-test-suite", "cases", "semantic", case)
    path = folder / f"{case}-sbml-{level}.xml"
    if not path.exists():
        pytest.skip(f"case {case} has no {level}")
    text = path.read_text(encoding="utf-8")
    result = run(ENGINE.compile(admit(text)))

    lines = (folder / f"{case}-settings.txt").read_text().splitlines()
    settings = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    header, expected = csv.reader((folder / f"{case}-results.csv").read_text().splitlines())
    document = libsbml.readSBMLFromString(text)  # owns all that is read from it
    objective = document.getModel().getPlugin("fbc").getActiveObjective().getId()
    assert result.optimal_objective is not None and result.flux_state is not None
    for name, value in zip(header, expected, strict=True):
        found = result.optimal_objective if name.strip() == objective else result.flux_state[name.strip()]
        allowed = float(settings["absolute"]) + float(settings["relative"]) * abs(float(value))
        assert abs(found - float(value)) <= allowed, name
