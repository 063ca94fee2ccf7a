"""Studies in lanes through the public request: agreement with libRoadRunner, audits, and who answers when."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import (
    BIRTH_DEATH,
    DECAY,
    EQUALITY,
    GENE_EXPRESSION,
    KITCHEN_SINK,
    REPRESSILATOR,
    FloatArray,
    plain,
    run,
)

from bioxen.errors import InvalidModelError, ValidationError
from bioxen.protocol.kinetic import KineticResult, Part
from bioxen.server.engines.crossover import FEWEST
from bioxen.server.engines.kinetic import KineticEngine, audit
from bioxen.server.engines.kinetic.audit import BOUND, audited
from bioxen.server.engines.studies.arrays import read
from bioxen.server.engines.studies.conclude import joined

STUDIES: list[tuple[str, str, dict[str, Any]]] = [
    ("gene expression", GENE_EXPRESSION, {"k1": (5.0, 20.0), "p": (0.0, 50.0)}),
    ("repressilator", REPRESSILATOR, {"b": (4.0, 6.0), "[mY]": (10.0, 30.0)}),
    ("rules of every kind", KITCHEN_SINK, {"k": (0.2, 1.0), "C": (1.0, 3.0), "z": (0.5, 2.0)}),
]


def ensemble(ranges: dict[str, tuple[float, float]], **fields: Any) -> dict[str, Any]:
    uniform = {name: {"kind": "uniform", "lower": low, "upper": high} for name, (low, high) in ranges.items()}
    return {"distributions": uniform, "members": 120, "time_end": 20.0, "time_points": 11, **fields}


def values_of(result: KineticResult) -> FloatArray:
    assert result.members is not None, result.message
    assert result.members.values is not None
    return read(result.members.values.model_dump())


@pytest.mark.parametrize(("text", "ranges"), [study[1:] for study in STUDIES], ids=[s[0] for s in STUDIES])
def test_lanes_and_libroadrunner_agree(
    engine: KineticEngine, text: str, ranges: dict[str, tuple[float, float]]
) -> None:
    request = ensemble(ranges, report="values", relative_tolerance=1e-8)
    lanes = run(engine, text, "kinetic_ensemble", **request)
    alone = run(engine, text, "kinetic_ensemble", engine="libroadrunner", **request)
    assert lanes.members is not None
    assert alone.members is not None
    assert all(name.startswith("lanes ") for name in lanes.members.methods)
    assert set(alone.members.methods) == {"libRoadRunner cvode_bdf"}
    assert lanes.members.varied == alone.members.varied
    assert values_of(lanes) == pytest.approx(values_of(alone), rel=1e-5, abs=1e-6)


def test_an_audit_says_how_far_off_the_lanes_are(engine: KineticEngine) -> None:
    result = run(engine, GENE_EXPRESSION, "kinetic_ensemble", **ensemble({"k1": (5.0, 20.0)}))
    found = result.audit
    assert found is not None
    assert (found.members, found.refused) == (3, 0)  # one of each block: 50, 50, 20
    assert found.largest_in_tolerances is not None
    assert found.largest_relative is not None
    assert 0 < found.largest_in_tolerances < BOUND
    assert 0 < found.largest_relative < 1e-4
    assert result.provenance.settings["integrator"] == "lanes"


@pytest.mark.parametrize("size", [1, 7, 50, 250, 251, 500])
def test_audited_members_lie_in_their_block_and_wander(size: int) -> None:
    places = set()
    for number in range(20):
        block = range(number * size, (number + 1) * size)
        members = audited(block)
        assert len(members) == math.ceil(size / 250)
        assert all(member in block for member in members)
        places |= {member - block.start for member in members}
    assert len(places) >= min(size, 15)


@pytest.mark.parametrize("method", ["ode", "ssa"])
@pytest.mark.parametrize("report", ["values", "summary", "counted"])
def test_parts_join_to_the_bytes_of_the_whole(engine: KineticEngine, method: str, report: str) -> None:
    """Parts that begin and end within blocks: what an audit decides must not depend on them.

    A summary's sums are added block by block, so its parts are whole blocks.
    """
    cuts = ((70, 50), (0, 33), (33, 37)) if report == "values" else ((100, 20), (0, 50), (50, 50))
    fields = ensemble({"birth": (4.0, 6.0)}, method=method, report=report, encoding="base64")
    if report == "counted":
        edges = [{"edges": [0.0, 20.0, 40.0]}]
        fields |= {"report": "summary", "quantile_method": "approximate", "edges": edges}
    whole = run(engine, BIRTH_DEATH, "kinetic_ensemble", **fields)
    request = engine.parse({"process_code": "kinetic_ensemble", **fields})
    parts = [
        run(engine, BIRTH_DEATH, "kinetic_ensemble", part={"first": first, "count": count}, **fields)
        for first, count in cuts
    ]
    found = joined(request, [part.model_dump() for part in parts])  # type: ignore[arg-type]
    assert KineticResult.model_validate(found).model_dump_json() == plain(whole)
    assert whole.audit is None if method == "ssa" else whole.audit


def test_the_same_study_gives_the_same_bytes(engine: KineticEngine) -> None:
    request = ensemble({"b": (4.0, 6.0)})
    assert len({plain(run(engine, REPRESSILATOR, "kinetic_ensemble", **request)) for _ in range(2)}) == 1


def test_few_members_stay_on_libroadrunner(engine: KineticEngine) -> None:
    few = {"axes": {"k": {"lower": 0.1, "upper": 1.0, "points": FEWEST - 1}}}
    many = {"axes": {"k": {"lower": 0.1, "upper": 1.0, "points": FEWEST}}}
    result = run(engine, DECAY, "kinetic_scan", **few)
    assert result.members is not None
    assert result.members.methods == {"libRoadRunner cvode_bdf": FEWEST - 1}
    assert "64" in str(result.provenance.settings["lanes"])
    forced = run(engine, DECAY, "kinetic_scan", engine="lanes", **few)
    assert forced.members is not None
    assert forced.members.methods == {"lanes tsit5": FEWEST - 1}
    part = run(engine, DECAY, "kinetic_scan", part=Part(first=3, count=2), **many)
    assert part.members is not None
    assert part.members.methods == {"lanes tsit5": 2}


def test_a_model_that_the_lanes_do_not_run_says_so(engine: KineticEngine) -> None:
    request = {
        "axes": {"P": {"lower": 1.1, "upper": 1.9, "points": FEWEST}},
        "time_end": 5.0,
        "time_points": 3,
    }
    result = run(engine, EQUALITY, "kinetic_scan", **request)
    assert result.members is not None
    assert set(result.members.methods) == {"libRoadRunner cvode_bdf"}
    assert "equality" in str(result.provenance.settings["lanes"])
    assert result.audit is None
    with pytest.raises(InvalidModelError, match="equality") as caught:
        run(engine, EQUALITY, "kinetic_scan", engine="lanes", **request)
    assert caught.value.place == "engine"
    assert "equality" in caught.value.details["construct"]


def test_a_lane_that_stops_is_libroadrunners(engine: KineticEngine) -> None:
    """x' = g·x² reaches infinity at 1/g: there is no answer, and the others are as they were."""
    model = "species S = 1; S => ; k; x = 1; x' = g*x^2; k = 0; g = 0;"
    values = [0.0] * 70 + [1.0]
    request = {"axes": {"g": {"values": values}}, "outputs": ["x"], "time_end": 2.0}
    members = run(engine, model, "kinetic_scan", **request).members
    assert members is not None
    assert members.methods == {"lanes tsit5": 70}
    assert list(members.failures.values()) == [[70]]
    assert "bdf" in next(iter(members.failures))


def test_an_output_that_is_not_finite_is_libroadrunners(engine: KineticEngine) -> None:
    model = "species A = 1; A => ; k*A; k = 1; c = 1; r := A/c;"
    request = {"axes": {"c": {"values": [1.0] * 70 + [0.0]}}, "outputs": ["A", "r"], "time_points": 3}
    members = run(engine, model, "kinetic_scan", **request).members
    assert members is not None
    assert members.methods == {"lanes tsit5": 70, "libRoadRunner cvode_bdf, lane stopped: not finite": 1}
    assert members.status == ["completed"] * 71


def test_a_block_that_fails_its_audit_is_libroadrunners(
    engine: KineticEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that lanes give is near enough here."""
    monkeypatch.setattr(audit, "BOUND", 0.0)
    monkeypatch.setattr(audit, "_TIMES_WORSE", 0.0)
    request = ensemble({"k1": (5.0, 20.0)}, report="values")
    result = run(engine, GENE_EXPRESSION, "kinetic_ensemble", **request)
    assert result.members is not None
    assert result.members.methods == {"libRoadRunner cvode_bdf, lanes failed the audit": 120}
    assert result.audit is not None
    assert result.audit.refused == 120
    alone = run(engine, GENE_EXPRESSION, "kinetic_ensemble", engine="libroadrunner", **request)
    assert (values_of(result) == values_of(alone)).all()


@pytest.mark.parametrize("code", ["kinetic_sobol", "kinetic_morris"])
def test_screenings_run_in_lanes(engine: KineticEngine, code: str) -> None:
    factors = {"k1": {"lower": 5.0, "upper": 20.0}, "d2": {"lower": 0.05, "upper": 0.2}}
    size = {"samples": 32} if code == "kinetic_sobol" else {"trajectories": 30}
    results = [
        run(engine, GENE_EXPRESSION, code, factors=factors, time_points=2, engine=name, **size)
        for name in ("auto", "libroadrunner")
    ]
    assert "lanes" in str(results[0].provenance.settings["method"])
    assert results[0].audit is not None
    tables = []
    for result in results:
        assert result.global_sensitivity is not None
        rows = result.global_sensitivity.sobol or result.global_sensitivity.morris or []
        tables.append([getattr(row, "total", None) or getattr(row, "mu", None) or 0.0 for row in rows])
    assert tables[0] == pytest.approx(tables[1], rel=1e-3, abs=1e-3)


def test_stochastic_members_in_lanes_have_the_known_moments(engine: KineticEngine) -> None:
    """Births 5, deaths 0.1·S from 10: the sum of a binomial and a Poisson number."""
    count, end = 4000, 10.0
    result = run(
        engine, BIRTH_DEATH, "kinetic_ensemble", members=count, method="ssa", time_end=end, time_points=2
    )
    members = result.members
    assert members is not None
    assert members.methods == {"lanes direct method": count}
    assert members.features is not None
    finals = read(members.features.model_dump())[:, 0, 0]
    alive = math.exp(-0.1 * end)
    mean = 10 * alive + 50 * (1 - alive)
    variance = 10 * alive * (1 - alive) + 50 * (1 - alive)
    assert finals.mean() == pytest.approx(mean, abs=4 * math.sqrt(variance / count))
    assert finals.var(ddof=1) == pytest.approx(variance, abs=4 * variance * math.sqrt(2 / count))
    other = run(engine, BIRTH_DEATH, "kinetic_ensemble", members=count, method="ssa", time_end=end, seed=1)
    assert other.members is not None
    assert other.members.features is not None
    assert (read(other.members.features.model_dump())[:, 0, 0] != finals).mean() > 0.5


def test_stochastic_members_in_lanes_begin_with_whole_molecules(engine: KineticEngine) -> None:
    request = {"axes": {"S": {"values": [1.0] * 80 + [1.5]}}, "method": "ssa"}
    with pytest.raises(ValidationError) as caught:
        run(engine, BIRTH_DEATH, "kinetic_scan", **request)
    assert caught.value.place == "initial_conditions.S"
    assert caught.value.details["member"] == 80


def test_members_in_lanes_are_those_of_a_single_request(engine: KineticEngine) -> None:
    rates = np.linspace(0.1, 1.0, FEWEST)
    request = {
        "axes": {"k": {"values": rates.tolist()}},
        "report": "values",
        "time_end": 4.0,
        "time_points": 5,
    }
    found = values_of(run(engine, DECAY, "kinetic_scan", **request))[:, :, 0]
    assert found == pytest.approx(10 * np.exp(-np.outer(rates, np.linspace(0, 4, 5))), rel=1e-5)
