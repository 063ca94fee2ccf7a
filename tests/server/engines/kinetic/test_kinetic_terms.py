"""The provenance says in KiSAO's terms what ran."""

from __future__ import annotations

from typing import Any

import pytest
from tests.server.engines.kinetic.models import BIRTH_DEATH, DECAY, run

from bioxen.protocol.kinetic import EnsembleRequest
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.integrators import BY_NAME
from bioxen.server.engines.studies.conclude import joined
from bioxen.server.engines.studies.terms import terms_of

STIFF = "species A = 1, B = 0, C = 0; A => B; 0.04*A; B => C; 3e7*B*B; B => A; 1e4*B*C;"
CLOCK = "species A = 5; A => ; 0.1*A; z = 0; z' = 1; at z > 1: z = 0;"
SAMPLED: dict[str, Any] = {"time_end": 40.0, "time_points": 3, "members": 4, "seed": 3}
SPREAD = {"kind": "uniform", "lower": 0.9, "upper": 1.1, "relative": True}


@pytest.mark.parametrize(
    ("model", "code", "term"),
    [
        (BIRTH_DEATH, "kinetic_ssa", "KISAO:0000029"),
        (CLOCK, "kinetic_ssa", "KISAO:0000029"),
        (BIRTH_DEATH, "kinetic_tau_leaping", "KISAO:0000039"),
        (BIRTH_DEATH, "kinetic_steady_state", "KISAO:0000407"),
        (DECAY, "kinetic_oscillation", "KISAO:0000288"),
        (DECAY, "kinetic_sensitivity", "KISAO:0000288"),
    ],
)
def test_of_a_single_run(engine: KineticEngine, model: str, code: str, term: str) -> None:
    assert run(engine, model, code).provenance.settings["kisao"] == term


@pytest.mark.parametrize(
    ("model", "parameter", "request_", "term"),
    [
        (BIRTH_DEATH, "birth", {"engine": "libroadrunner"}, "KISAO:0000288"),
        (BIRTH_DEATH, "birth", {"engine": "lanes"}, "KISAO:0000435"),
        (STIFF, "[A]", {"engine": "lanes"}, "KISAO:0000033"),
        (BIRTH_DEATH, "", {"engine": "libroadrunner", "method": "ssa"}, "KISAO:0000029"),
        (BIRTH_DEATH, "", {"engine": "lanes", "method": "ssa"}, "KISAO:0000029"),
        (BIRTH_DEATH, "", {"method": "tau_leaping"}, "KISAO:0000039"),
        (BIRTH_DEATH, "birth", {"engine": "libroadrunner", "method": "steady_state"}, "KISAO:0000407"),
        (BIRTH_DEATH, "birth", {"engine": "lanes", "method": "steady_state"}, "KISAO:0000407"),
    ],
)
def test_of_members(
    engine: KineticEngine, model: str, parameter: str, request_: dict[str, Any], term: str
) -> None:
    distributions = {parameter: SPREAD} if parameter else {}
    request = SAMPLED | {"distributions": distributions} | request_
    assert run(engine, model, "kinetic_ensemble", **request).provenance.settings["kisao"] == term


def test_parts_that_ran_otherwise_are_all_told(engine: KineticEngine) -> None:
    whole = SAMPLED | {"distributions": {"birth": SPREAD}, "report": "values"}
    parts = [
        run(engine, BIRTH_DEATH, "kinetic_ensemble", **whole, part={"first": first, "count": 2}, engine=name)
        for first, name in ((0, "lanes"), (2, "libroadrunner"))
    ]
    request = EnsembleRequest.model_validate({"kinetic_code": BIRTH_DEATH, **whole})
    found = joined(request, [part.model_dump() for part in parts])
    assert found["provenance"]["settings"]["kisao"] == "KISAO:0000288, KISAO:0000435"


def test_every_way_has_its_term() -> None:
    for name, rung in BY_NAME.items():
        assert terms_of([f"{rung.solver} {name}, short steps"]) == rung.kisao
    assert terms_of(["gpu rodas5p", "libRoadRunner lsoda, lanes failed the audit"]) == (
        "KISAO:0000033, KISAO:0000088"
    )
    assert terms_of(["integration, then Newton", "Reder, central differences"]) == "KISAO:0000407"
    assert terms_of(["pseudo-arclength continuation"]) is None
    assert terms_of([]) is None
