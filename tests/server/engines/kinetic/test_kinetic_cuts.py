"""However small the parts of a study are, they give the bytes of the whole."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.server.engines.kinetic.models import BIRTH_DEATH, source_of

from bioxen.protocol.kinetic import KineticBatchRequest, MembersRequest
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.orchestrator.assembling import Assembly
from bioxen.server.orchestrator.cutting import finest, parts_of, sizes

TWO_WAYS = "species A = 1; => A; a*A^2; A => ; k*A; a = 0; k = 0.5;"
"""A is infinite before the end where a is large."""
SPREAD = {"kind": "lognormal", "median": 0.4, "sigma": 0.3}
SUMMARY: dict[str, Any] = {"report": "summary", "bins": 3, "quantiles": [0.5]}
STUDIES: dict[str, tuple[str, dict[str, Any]]] = {
    "summary in lanes": (BIRTH_DEATH, {"members": 70, **SUMMARY, "quantile_method": "approximate"}),
    "summary of trajectories": (BIRTH_DEATH, {"members": 60, **SUMMARY, "method": "ssa"}),
    "features one by one": (BIRTH_DEATH, {"members": 40, "engine": "libroadrunner"}),
    "some members fail": (TWO_WAYS, {"members": 53, **SUMMARY, "distributions": {"a": SPREAD}}),
    "steady states": (BIRTH_DEATH, {"members": 66, **SUMMARY, "method": "control"}),
}


def cut_in_every_way(engine: KineticEngine, model: str, asked: dict[str, Any]) -> list[bytes]:
    program = engine.compile(source_of(model))
    request = engine.parse({"time_end": 4.0, "time_points": 4, **asked})
    assert isinstance(request, MembersRequest)
    counts = {len(parts_of(request, count)) for count in range(1, 99)}
    assert len(counts) == len(sizes(request)) > 1
    found = []
    for count in sorted(counts):
        pieces = parts_of(request, count)
        assembly = Assembly(request, len(pieces))
        for piece in pieces:
            answer = engine.run(engine.parse(json.loads(piece.request.model_dump_json())), program)
            assembly.add(answer.model_dump_json().encode())
        found.append(assembly.result())
    return found


@pytest.mark.parametrize("name", STUDIES)
def test_parts_of_any_size_give_the_same_bytes(engine: KineticEngine, name: str) -> None:
    model, asked = STUDIES[name]
    varied = (
        {} if "distributions" in asked or "ssa" in asked.values() else {"distributions": {"death": SPREAD}}
    )
    every = cut_in_every_way(engine, model, {"process_code": "kinetic_ensemble", **varied, **asked})
    assert len(set(every)) == 1
    assert json.loads(every[0])["status"] == "completed"


def test_analyses_of_variants_are_cut_down_to_one(engine: KineticEngine) -> None:
    variants = [{"parameters": {"death": 0.1 + 0.1 * number}} for number in range(33)]
    analysis = {"process_code": "kinetic_steady_state"}
    asked = {"process_code": "kinetic_batch", "variants": variants, "analysis": analysis}
    assert len(set(cut_in_every_way(engine, BIRTH_DEATH, asked))) == 1


def test_simulations_of_variants_are_audited_together_so_blocks_stay_whole() -> None:
    variants = [{"parameters": {"k": float(number)}} for number in range(120)]
    request = KineticBatchRequest.model_validate({"variants": variants, "process_code": "kinetic_batch"})
    assert sizes(request) == [50]
    assert [piece.size for piece in finest(request)] == [50, 50, 20]
