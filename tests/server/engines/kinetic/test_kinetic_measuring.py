"""Measuring is short whatever the study is, and leaves no trace in what is computed afterwards."""

from typing import Any

import pytest
from tests.server.engines.kinetic.models import source_of

from bioxen.errors import UnknownIdentifierError
from bioxen.protocol.kinetic import MembersRequest
from bioxen.server.engines.crossover import route_of
from bioxen.server.engines.kinetic import KineticEngine, measuring
from bioxen.server.engines.kinetic.study import study as run_study

MODEL = """
    species X = 0, Y = 0; => X; k/(1 + (Y/20)^2); X => ; X; => Y; 5*X; Y => ; 0.1*Y; k = 50;
"""
SPREAD = {"k": {"kind": "lognormal", "median": 1.0, "sigma": 0.2, "relative": True}}
STUDIES: list[dict[str, Any]] = [
    {"process_code": "kinetic_ensemble", "members": 20, "method": "ssa", "time_end": 200.0},
    {"process_code": "kinetic_ensemble", "members": 20, "distributions": SPREAD, "report": "summary"},
    {"process_code": "kinetic_scan", "axes": {"k": {"lower": 40.0, "upper": 60.0, "points": 20}}},
    {"process_code": "kinetic_morris", "factors": {"k": {"lower": 40.0, "upper": 60.0}}},
    {
        "process_code": "kinetic_batch",
        "variants": [{"parameters": {"k": 40.0 + member}} for member in range(50)],
        "part": {"first": 50, "count": 50},
        "total": 100,
    },
]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: str(study["process_code"]))
def test_measuring_is_short_and_leaves_no_trace(
    study: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, source, asked = KineticEngine(), source_of(MODEL), []
    fresh = engine.run(engine.parse(study), engine.compile(source))
    program = engine.compile(source)

    def watched(request: MembersRequest, *rest: Any) -> Any:
        asked.append(request)
        return run_study(request, *rest)

    monkeypatch.setattr(measuring, "study", watched)
    found = engine.measure({"study": study}, program)
    assert found.single and found.lanes and found.preparation and not found.failed
    assert route_of(found).source == "measured"
    assert max(len(one.members_of_part) for one in asked) <= 256
    assert len(asked) < 40
    assert engine.run(engine.parse(study), program).model_dump_json() == fresh.model_dump_json()


def test_a_study_that_is_wrong_is_refused_as_it_would_be() -> None:
    engine = KineticEngine()
    study = STUDIES[1] | {"distributions": {"q": SPREAD["k"]}}
    with pytest.raises(UnknownIdentifierError, match="q"):
        engine.measure({"study": study}, engine.compile(source_of(MODEL)))


def test_what_takes_long_is_measured_over_less_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = set()

    def watched(request: MembersRequest, *rest: Any) -> Any:
        spans.add(request.time_end)
        return run_study(request, *rest)

    monkeypatch.setattr(measuring, "study", watched)
    monkeypatch.setattr(measuring, "_SHORT", 0.0)  # so even this is long
    engine = KineticEngine()
    engine.measure({"study": STUDIES[0]}, engine.compile(source_of(MODEL)))
    assert spans == {200.0 / 512}
