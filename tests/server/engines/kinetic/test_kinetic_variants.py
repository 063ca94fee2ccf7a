"""Batches of simulations: every variant is what it would be in a request of its own."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.server.engines.kinetic.models import BIRTH_DEATH, FloatArray, run, source_of

from bioxen.errors import UnknownIdentifierError, ValidationError
from bioxen.protocol.kinetic import KineticBatchRequest, KineticResult
from bioxen.server.engines.exactness import is_exact
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.program import Program
from bioxen.server.engines.studies.arrays import read
from bioxen.server.orchestrator.assembling import Assembly
from bioxen.server.orchestrator.cutting import parts_of

FOLLOWING = "species A = 20*k; A => ; k*A; k = 0.5; j = 3;"
"""The start follows from a parameter, unless a request gives it."""
BLOWS_UP = "species A = 1; => A; a*A^2; a = 0;"
"""A is infinite at the time 1/a."""
GRID: dict[str, Any] = {"time_end": 2.0, "time_points": 3}


@pytest.fixture(scope="module")
def births(engine: KineticEngine) -> Program:
    return engine.compile(source_of(BIRTH_DEATH))


def batch(
    engine: KineticEngine, model: str | Program, variants: list[Any], /, **fields: Any
) -> KineticResult:
    program = engine.compile(source_of(model)) if isinstance(model, str) else model
    request = {"process_code": "kinetic_batch", "variants": variants, "report": "values", **GRID, **fields}
    return engine.run(engine.parse(request), program)


def courses(result: KineticResult) -> FloatArray:
    assert result.members is not None and result.members.values is not None, result.message
    return read(result.members.values.model_dump())


def assembled(request: KineticBatchRequest, answers: list[bytes]) -> bytes:
    whole = Assembly(request, len(answers))
    for answer in answers:
        whole.add(answer)
    return whole.result()


def mixed(count: int) -> list[dict[str, Any]]:
    """Return variants that change three different things, in turns."""
    return [
        [{"parameters": {"k": 0.1 + 0.01 * n}}, {"initial_conditions": {"[A]": 1.0 + n}}, {}][n % 3]
        for n in range(count)
    ]


@pytest.mark.parametrize("engine_name", ["auto", "libroadrunner"])
def test_variants_in_their_order(engine: KineticEngine, engine_name: str) -> None:
    variants = mixed(107)
    found = batch(engine, FOLLOWING, variants, engine=engine_name, parameters={"j": 4.0, "k": 0.4})
    assert found.members is not None and set(found.members.status) == {"completed"}
    lanes = {"lanes tsit5": 100} if engine_name == "auto" else {}  # the last block has two or three of a kind
    assert found.members.methods == {**lanes, "libRoadRunner cvode_bdf": 7 if lanes else 107}
    for number in (0, 1, 2, 49, 50, 51, 104, 105, 106):
        own = variants[number]
        given = {**own, "parameters": {"j": 4.0, "k": 0.4, **own.get("parameters", {})}}
        alone = run(engine, FOLLOWING, **GRID, **given)
        assert alone.species_trajectories is not None
        np.testing.assert_allclose(
            courses(found)[number, :, 0], np.array(alone.species_trajectories["[A]"], float), rtol=3e-5
        )
    assert courses(found)[0, 0, 0] == pytest.approx(2.0)  # 20 times its own k, not the request's
    assert courses(found)[2, 0, 0] == pytest.approx(8.0)


@pytest.mark.parametrize(("method", "code"), [("ssa", "kinetic_ssa"), ("tau_leaping", "kinetic_tau_leaping")])
def test_a_seed_gives_the_trajectory_that_it_gives_alone(
    engine: KineticEngine, births: Program, method: str, code: str
) -> None:
    variants = [{"parameters": {"birth": 4 + n / 10}, "seed": 11 * n} for n in range(70)]
    found = courses(batch(engine, births, variants, method=method))
    for number in (0, 1, 33, 69):
        payload = {"process_code": code, **variants[number], **GRID}
        alone = engine.run(engine.parse(payload), births).species_trajectories
        assert alone is not None and alone["[S]"] == found[number, :, 0].tolist()


def test_without_seeds_every_variant_has_one_of_the_requests(engine: KineticEngine, births: Program) -> None:
    one, again, other = (
        courses(batch(engine, births, [{}] * 10, method="ssa", seed=seed, time_end=20.0))
        for seed in (1, 1, 2)
    )
    assert one.tolist() == again.tolist() != other.tolist()
    assert len({tuple(course) for course in one[:, :, 0].tolist()}) > 5


def test_lanes_that_are_asked_for_sample_the_same_distribution(
    engine: KineticEngine, births: Program
) -> None:
    variants = [{"initial_conditions": {"S": 50}, "seed": n} for n in range(400)]
    found = courses(batch(engine, births, variants, method="ssa", engine="lanes", time_end=100.0))
    assert found[:, -1, 0].mean() == pytest.approx(50, abs=5 * np.sqrt(50 / 400))


@pytest.mark.parametrize("fields", [{}, {"method": "steady_state", "report": "features"}])
@pytest.mark.parametrize("encoding", ["numbers", "base64"])
def test_parts_give_the_bytes_of_the_whole(
    engine: KineticEngine, fields: dict[str, Any], encoding: str
) -> None:
    flow = "species A = 1; => A; v; A => ; k*A; v = 1; k = 0.5;"
    variants = [{"parameters": {"k": 0.1 + 0.01 * n} if n % 4 else {"v": 2.0 + n}} for n in range(107)]
    request = KineticBatchRequest.model_validate(
        {"variants": variants, "report": "values", "encoding": encoding, **GRID, **fields}
    )
    program = engine.compile(source_of(flow))
    answers = []
    for piece in parts_of(request):
        assert isinstance(piece.request, KineticBatchRequest)
        assert len(piece.request.variants) == piece.size  # a part carries its own alone
        sent = json.loads(piece.request.model_dump_json())
        answers.append(engine.run(engine.parse(sent), program).model_dump_json().encode())
    assert len(answers) == 3
    assert json.loads(assembled(request, answers)) == json.loads(
        engine.run(request, program).model_dump_json()
    )


FLOW = "J1: => S; 10 - v*S; J2: S => ; q*S; S = 1; q = 3; v = 2;"
ANALYSES: list[dict[str, Any]] = [
    {"process_code": "kinetic_control"},
    {"process_code": "kinetic_steady_state"},
    {"process_code": "kinetic_sensitivity", "sensitivity_parameters": ["q"], "time_end": 2.0},
    {"process_code": "kinetic_oscillation", "time_end": 30.0, "time_points": 200},
    {"process_code": "kinetic_continuation", "parameter": "q", "lower": 1.0, "upper": 50.0, "max_points": 4},
]


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda one: str(one["process_code"]))
def test_every_variant_is_analysed_as_it_would_be_alone(
    engine: KineticEngine, analysis: dict[str, Any]
) -> None:
    program = engine.compile(source_of(FLOW))
    variants = [{"parameters": {"q": 2.0 + n}, "initial_conditions": {"S": 3.0}} for n in range(5)]
    request = KineticBatchRequest.model_validate_json(
        json.dumps({"variants": variants, "analysis": analysis, "initial_conditions": {"[S]": 9.0}})
    )
    answers = [
        engine.run(engine.parse(json.loads(piece.request.model_dump_json())), program)
        .model_dump_json()
        .encode()
        for piece in parts_of(request)
    ]
    assert len(answers) == 5
    whole = KineticResult.model_validate_json(assembled(request, answers))
    assert whole == engine.run(request, program)
    assert whole.members is not None and whole.members.outcomes is not None
    assert sum(whole.members.methods.values()) == 5
    for variant, outcome in zip(variants, whole.members.outcomes, strict=True):
        alone = engine.run(engine.parse({**analysis, **variant}), program)
        found = outcome.model_dump()
        assert found == {name: alone.model_dump()[name] for name in found}
    frame = whole.to_frame()
    assert set(frame["member"]) == set(range(5))
    rests = analysis["process_code"] == "kinetic_continuation"
    assert is_exact(request, whole) is not rests  # four points do not reach the end of the branch


def test_a_variant_without_an_answer_says_why(engine: KineticEngine) -> None:
    grows = "J1: => S; v; J2: S => ; k*S; S = 1; v = 1; k = 1;"
    variants = [{}, {"parameters": {"k": 0.0}}]
    found = batch(engine, grows, variants, analysis={"process_code": "kinetic_control"}, report="features")
    assert found.members is not None and found.members.outcomes is not None
    assert found.members.status == ["completed", "failed"]
    (said,) = found.members.failures
    assert said == found.members.outcomes[1].message
    assert found.members.outcomes[1].control is None
    assert set(found.to_frame()["member"]) == {0}
    with pytest.raises(UnknownIdentifierError) as wrong:
        batch(engine, grows, [{}, {"parameters": {"kk": 1.0}}], analysis=ANALYSES[0], report="features")
    assert wrong.value.place == "variants.1.parameters.kk"
    with pytest.raises(UnknownIdentifierError) as wrong:
        batch(engine, grows, [{}], analysis={**ANALYSES[4], "parameter": "kk"}, report="features")
    assert wrong.value.place == "analysis.parameter"


def test_a_part_that_is_no_block_has_the_same_members(engine: KineticEngine) -> None:
    program = engine.compile(source_of(FOLLOWING))
    whole = courses(batch(engine, program, mixed(107)))
    part = courses(batch(engine, program, mixed(107), part={"first": 48, "count": 5}))
    assert part.tolist() == whole[48:53].tolist()


@pytest.mark.parametrize("a", [[0.0, 2.0, 0.1], [2.0, 3.0]])
def test_a_variant_that_fails_is_an_entry(engine: KineticEngine, a: list[float]) -> None:
    found = batch(engine, BLOWS_UP, [{"parameters": {"a": one}} for one in a])
    assert found.status == "completed" and found.members is not None
    assert found.members.status == ["failed" if one >= 1 else "completed" for one in a]
    said = [member for members in found.members.failures.values() for member in members]
    assert sorted(said) == [n for n, one in enumerate(a) if one >= 1]
    for number, one in enumerate(a):
        last = courses(found)[number, -1, 0]
        assert np.isnan(last) if one >= 1 else last == pytest.approx(1 / (1 - 2 * one), rel=1e-4)


@pytest.mark.parametrize("total", [False, True])
def test_an_error_names_the_variant(engine: KineticEngine, total: bool) -> None:
    good = {"parameters": {"birth": 4.0}}
    part = {"part": {"first": 50, "count": 20}, "total": 70} if total else {}
    count = 20 if total else 70
    for bad, place in (
        ({"parameters": {"brith": 4.0}}, "variants.13.parameters.brith"),
        ({"initial_conditions": {"birth": 4.0}}, "variants.13.initial_conditions.birth"),
    ):
        with pytest.raises(UnknownIdentifierError) as wrong:
            batch(engine, BIRTH_DEATH, [good] * 13 + [bad] + [good] * (count - 14), **part)
        assert wrong.value.place == place
    with pytest.raises(ValidationError, match="no number of molecules") as broken:
        starts = [{"initial_conditions": {"S": 3.5 if n == 13 else n}} for n in range(count)]
        batch(engine, BIRTH_DEATH, starts, method="ssa", **part)
    assert broken.value.place == "variants.13.initial_conditions.S"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"variants": []}, "at least 1"),
        ({"total": 5}, "part says"),
        ({"analysis": {"process_code": "kinetic_control"}, "method": "ssa"}, "no method"),
        ({"analysis": {"process_code": "kinetic_control", "outputs": ["S"]}}, "give outputs beside"),
        ({"analysis": {"process_code": "kinetic_scan"}}, "kinetic_control"),
        ({"total": 107, "part": {"first": 7, "count": 2}}, "blocks of 50"),
        ({"total": 107, "part": {"first": 0, "count": 2}}, "blocks of 50"),
    ],
)
def test_what_is_no_batch(engine: KineticEngine, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        engine.parse({"process_code": "kinetic_batch", "variants": [{}, {}], **fields})
