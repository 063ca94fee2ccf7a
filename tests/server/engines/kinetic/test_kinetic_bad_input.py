"""What is wrong is said: the class of the error, the place, and words that name the mistake."""

from __future__ import annotations

from typing import Any

import pydantic
import pytest
from pydantic import TypeAdapter
from tests.server.engines.kinetic.models import KITCHEN_SINK, run, source_of

from bioxen.errors import (
    BioXenException,
    InvalidModelError,
    UnknownIdentifierError,
    UnknownProcessError,
    ValidationError,
)
from bioxen.protocol.kinetic import AnyKineticRequest
from bioxen.protocol.mistakes import request_error
from bioxen.protocol.submission import read_submission
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.loader import from_antimony

FIT = {
    "process_code": "kinetic_parameter_estimation",
    "measured_times": [0.0, 1.0],
    "measurements": {"[S1]": [1.0, 2.0]},
    "estimate": {"k": {"lower": 0.1, "upper": 1.0}},
}
BRANCH = {"process_code": "kinetic_continuation", "parameter": "k", "lower": 0.0, "upper": 1.0}
BETWEEN_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"process_code": "kinetic_ode", "kinetic_code": "x = 1", "model": "repressilator"}, "kinetic_code"),
    (BRANCH | {"lower": 2.0}, "upper"),
    (BRANCH | {"scale": "log"}, "lower"),
    ({"process_code": "kinetic_oscillation", "transient": 2000.0}, "transient"),
    (FIT | {"measured_times": [1.0, 1.0]}, "measured_times"),
    (FIT | {"time_start": 0.5}, "measured_times"),
    (FIT | {"measurements": {"[S1]": [1.0]}}, "measurements.[S1]"),
    (FIT | {"measurements": None}, "measurements"),
    (
        FIT | {"experiments": [{"name": "a", **{k: FIT[k] for k in ("measured_times", "measurements")}}]},
        "measured_times",
    ),
    (
        {k: FIT[k] for k in ("process_code", "estimate")}
        | {"experiments": [{"name": "a", "measured_times": [0.0, 1.0], "measurements": {"[S1]": [1.0]}}]},
        "experiments.0.measurements.[S1]",
    ),
    (FIT | {"estimate": {"k": {"lower": 2.0, "upper": 1.0}}}, "estimate.k.upper"),
    (FIT | {"estimate": {"k": {"lower": 0.0, "upper": 1.0, "scale": "log"}}}, "estimate.k.lower"),
    (FIT | {"estimate": {"k": {"lower": 0.0, "upper": 1.0, "start": 3.0}}}, "estimate.k.start"),
    (FIT | {"profile": ["kd"]}, "profile"),
    (FIT | {"noise": {"S2": {"sigma": 1.0}}}, "noise.S2"),
    ({"process_code": "kinetic_ensemble"}, "distributions"),
    (
        {
            "process_code": "kinetic_ensemble",
            "method": "control",
            "features": ["mean"],
            "distributions": {"k": {"kind": "values", "values": [1.0] * 100}},
        },
        "features",
    ),
    (
        {"process_code": "kinetic_ensemble", "distributions": {"k": {"kind": "values", "values": [1.0]}}},
        "distributions.k",
    ),
    (
        {
            "process_code": "kinetic_ensemble",
            "distributions": {"k": {"kind": "uniform", "lower": 2.0, "upper": 1.0}},
        },
        "distributions.k.upper",
    ),
    ({"process_code": "kinetic_ensemble", "method": "ssa", "part": {"first": 99, "count": 2}}, "part"),
    ({"process_code": "kinetic_scan", "axes": {"k": {"lower": 0.0, "upper": 1.0}}}, "axes.k.points"),
    ({"process_code": "kinetic_scan", "axes": {"k": {"values": [1.0], "points": 2}}}, "axes.k.values"),
    ({"process_code": "kinetic_scan", "axes": {n: {"values": [1.0] * 1001} for n in ("k", "p")}}, "axes"),
    ({"process_code": "kinetic_sobol", "factors": {"k": {"lower": 0.0, "upper": 1.0}}}, "factors"),
    (
        {"process_code": "kinetic_morris", "levels": 5, "factors": {"k": {"lower": 0.0, "upper": 1.0}}},
        "levels",
    ),
]
"""Requests of which two fields do not go together, and the field that is named."""

REQUESTS: list[tuple[dict[str, Any], type[BioXenException], str]] = [
    ({"initial_conditions": {"prtein": 1.0}}, UnknownIdentifierError, "initial_conditions.prtein"),
    ({"initial_conditions": {"k": 1.0}}, UnknownIdentifierError, "initial_conditions.k"),
    ({"initial_conditions": {"[k]": 1.0}}, UnknownIdentifierError, "initial_conditions.[k]"),
    ({"initial_conditions": {"S1": 1.0, "[S1]": 1.0}}, ValidationError, "initial_conditions.[S1]"),
    ({"parameters": {"S1": 1.0}}, UnknownIdentifierError, "parameters.S1"),
    ({"parameters": {"kk": 1.0}}, UnknownIdentifierError, "parameters.kk"),
    ({"parameters": {"q": 1.0}}, ValidationError, "parameters.q"),
    ({"parameters": {"k": float("nan")}}, ValidationError, "parameters.k"),
    ({"outputs": ["nothing"]}, UnknownIdentifierError, "outputs.nothing"),
    ({"outputs": ["cc(_J0, k)"]}, UnknownIdentifierError, "outputs.cc(_J0, k)"),
    ({"outputs": []}, ValidationError, "outputs"),
    ({"time_points": 1_000_001}, ValidationError, "time_points"),
    ({"time_end": 0.0}, ValidationError, "time_end"),
    ({"time_start": 200.0}, ValidationError, "time_end"),
    ({"process_code": "kinetic_od"}, UnknownProcessError, "process_code"),
    ({"process_code": "metabolic_fba"}, UnknownProcessError, "process_code"),
    (
        {"process_code": "sensitivity_analysis", "sensitivity_parameters": ["kx"]},
        UnknownIdentifierError,
        "sensitivity_parameters.kx",
    ),
    (
        {
            "process_code": "parameter_estimation",
            "measured_times": [0, 1],
            "measurements": {"[S1]": [None, None]},
            "estimate": {"k": {"lower": 0.1, "upper": 1.0}},
        },
        ValidationError,
        "measurements",
    ),
]


@pytest.mark.parametrize(
    ("request_", "error", "place"), REQUESTS, ids=[str(case[0])[:60] for case in REQUESTS]
)
def test_a_bad_request_is_refused_with_its_place(
    engine: KineticEngine, request_: dict[str, Any], error: type[BioXenException], place: str
) -> None:
    with pytest.raises(error) as caught:
        run(engine, KITCHEN_SINK, **{"process_code": "kinetic_ode", **request_})
    assert type(caught.value) is error
    assert (caught.value.place or "") == place
    assert caught.value.remedy


@pytest.mark.parametrize(("request_", "place"), BETWEEN_FIELDS)
def test_fields_that_do_not_go_together_are_placed(
    engine: KineticEngine, request_: dict[str, Any], place: str
) -> None:
    """In Python and the CLI, over HTTP and in jobs."""
    with pytest.raises(ValidationError) as caught:
        engine.parse(request_)
    assert caught.value.place == place
    with pytest.raises(pydantic.ValidationError) as refused:
        TypeAdapter(AnyKineticRequest).validate_python(request_)
    assert request_error(refused.value.errors(), request_).place == place
    with pytest.raises(ValidationError) as of_a_job:
        read_submission({"request": request_})
    assert of_a_job.value.place == f"request.{place}"


def test_near_matches_are_offered_in_the_form_that_was_used(engine: KineticEngine) -> None:
    with pytest.raises(UnknownIdentifierError) as caught:
        run(engine, "species protein = 1; protein => ; 1;", initial_conditions={"[prtein]": 1.0})
    assert caught.value.details["near_matches"] == ["[protein]"]


SBML = '<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">{}</sbml>'
MODELS = [
    ("S1 -> S2; k*", "antimony", "Antimony: .*line 1"),
    ("/etc/hostname", "sbml", "begins with '<'"),
    ("file:///etc/hostname", "sbml", "begins with '<'"),
    ("<sbml", "sbml", "libSBML"),
    ("<html></html>", "sbml", "libSBML"),
    (SBML.format(""), "sbml", "no model|model"),
    ("species A = 1; A => ; A; n := normal(0, 1);", "antimony", "random draw"),
    ("time = 3;", "antimony", "time"),
    ("{}", "cobra-json", "no kinetics"),
]


@pytest.mark.parametrize(("text", "text_format", "words"), MODELS, ids=[case[0][:30] for case in MODELS])
def test_a_bad_model_is_refused_in_words(
    engine: KineticEngine, text: str, text_format: Any, words: str
) -> None:
    with pytest.raises(InvalidModelError, match=words):
        engine.compile(source_of(text, text_format))


def test_xml_without_an_encoding_is_utf_8(engine: KineticEngine) -> None:
    """libSBML calls it an error; XML has a default, and libRoadRunner reads it."""
    sbml = from_antimony("species A = 1; A => ; A;").replace(' encoding="UTF-8"', "", 1)
    assert sbml.startswith('<?xml version="1.0"?>')
    assert engine.compile(source_of(sbml, "sbml")).facts.species.keys() == {"A"}


def test_nothing_to_report_is_a_fault_of_the_request_before_it_runs(engine: KineticEngine) -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        engine.parse({"outputs": []})


def test_antimony_names_the_line(engine: KineticEngine) -> None:
    with pytest.raises(InvalidModelError) as caught:
        engine.compile(source_of("species A = 1;\nA => ;; k*A\n"))
    assert caught.value.place == "line 2"


def test_no_code_means_a_time_course(engine: KineticEngine) -> None:
    assert engine.parse({"time_end": 3}).process_code == "kinetic_ode"  # type: ignore[attr-defined]


def test_a_model_that_libroadrunner_refuses_has_a_remedy(engine: KineticEngine) -> None:
    with pytest.raises(InvalidModelError, match="missing a value") as caught:
        run(engine, "S => ; k*S; S = 1")
    assert caught.value.details["remedy"]
