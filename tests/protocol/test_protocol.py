from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioxen.errors import ComputationError, ValidationError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta, Resources, VmConfig
from bioxen.protocol.kinetic import EnsembleRequest
from bioxen.protocol.metabolic import FbaRequest
from bioxen.protocol.processes import PROCESSES, find_process, process_codes, route
from bioxen.protocol.result import LOCAL_SYMBOLIC, ProcessResult
from bioxen.protocol.submission import read_submission


def test_equal_requests_have_equal_fingerprints_whatever_the_order() -> None:
    one = FbaRequest(constraints={"A": (0.0, 1.0), "B": (None, 2.0)})
    other = FbaRequest(constraints={"B": (None, 2.0), "A": (0.0, 1.0)})
    assert one.fingerprint() == other.fingerprint()
    assert one.fingerprint() != FbaRequest(constraints={"A": (0.0, 1.0)}).fingerprint()


def test_a_request_survives_the_wire() -> None:
    request = FbaRequest(constraints={"EX_o2_e": (-math.inf, 0.1)}, gene_knockouts=["b0002"])
    assert parse(FbaRequest, request.model_dump_json(exclude_none=True)) == request
    assert request.constraints["EX_o2_e"] == (None, 0.1)


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"constraint": {}}, "constraint"),
        ({"constraints": {"A": [2, 1]}}, "constraints.A"),
        ({"model": "/etc/passwd"}, "model"),
        ({"objective": math.nan}, "objective"),
        ({"model": "textbook", "sbml": "<sbml/>"}, ""),
    ],
)
def test_a_wrong_request_says_where(data: dict[str, object], place: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse(FbaRequest, {"process_code": "metabolic_fba", **data})
    assert str(caught.value.place).startswith(place)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"objective": {"PGI": 1e300}}, "objective.PGI"),
        ({"objective": {"PGI": "1"}}, "objective.PGI"),
        ({"constraints": {"PGI": [0, 1e7]}}, "constraints.PGI.1"),
        ({"constraints": {"PGI": [1e30, None]}}, "constraints.PGI.0"),
        ({"medium": {"EX_o2_e": 1e12}}, "medium.EX_o2_e"),
    ],
)
def test_no_process_takes_numbers_that_no_flux_can_have(fields: dict[str, object], place: str) -> None:
    for process in PROCESSES:
        if process.service != "static":
            continue
        with pytest.raises(ValidationError) as caught:
            read_submission({"request": {"process_code": process.code, **fields}})
        assert caught.value.place == f"request.{place}"


def test_what_a_method_does_not_use_is_not_taken() -> None:
    fields = {"process_code": "kinetic_ensemble", "members": 4, "distributions": {}, "epsilon": 0.01}
    for method in ("ode", "ssa", "steady_state"):
        with pytest.raises(ValidationError) as caught:
            read_submission({"request": {**fields, "method": method}})
        assert caught.value.place == "request.epsilon"
    kept = read_submission({"request": {**fields, "method": "tau_leaping"}}).request
    assert isinstance(kept, EnsembleRequest) and kept.epsilon == 0.01


def test_a_bound_that_stands_for_none_is_none() -> None:
    assert FbaRequest(constraints={"A": (-1e20, 1e30)}).constraints["A"] == (None, None)


def test_the_place_of_a_mistake_is_one_in_the_request() -> None:
    wrong = {"distribution": {"kind": "normal", "mean": 1.0, "standard_deviation": -1.0}}
    for name in ("k", "normal"):
        fields = {"process_code": "kinetic_ensemble", "distributions": {name: wrong["distribution"]}}
        with pytest.raises(ValidationError) as caught:
            read_submission({"request": {**fields, "members": 4}})
        places = [problem["place"] for problem in caught.value.details["problems"]]
        assert f"request.distributions.{name}.standard_deviation" in places


def test_an_unknown_field_gets_near_matches() -> None:
    with pytest.raises(ValidationError, match="Did you mean constraints"):
        parse(FbaRequest, {"process_code": "metabolic_fba", "constraint": {}})


def test_messages_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Delta().seed = 3  # type: ignore[misc]  # the point of the test


def test_mapping_messages_read_like_dicts() -> None:
    resources = Resources(ribosomes=3)
    assert dict(resources) == {"ribosomes": 3, "atp_share": 0.0, "memory_mb": 0.0, "priority": 50}
    assert resources["ribosomes"] == resources.get("ribosomes") == 3
    assert "model_config" not in resources
    with pytest.raises(KeyError):
        resources["ribosome"]


def test_every_code_finds_its_process() -> None:
    for process in PROCESSES:
        for code in process.codes:
            assert find_process(code) is process
            assert route(code).process is process
    assert len(process_codes()) == len(set(process_codes()))


OLD_NAMES = {
    "flux_balance_analysis": "static",
    "metabolic_fba_optimization": "static",
    "metabolic_optimization": "static",
    "metabolic_simulation": "static",
    "flux_variability_analysis": "static",
    "ode_simulation": "dynamic",
    "stochastic_simulation": "dynamic",
    "parameter_estimation": "dynamic",
    "sensitivity_analysis": "dynamic",
    "kinetic_gene_expression": "dynamic",
}


@pytest.mark.parametrize(("code", "service"), OLD_NAMES.items())
def test_older_names_work(code: str, service: str) -> None:
    process = route(code).process
    assert process is not None
    assert process.service == service


@pytest.mark.parametrize(
    ("code", "service", "accelerated"),
    [
        ("metabolic_fbaa", "static", None),
        ("my_flux_thing", "static", None),
        ("kinetic_odd", "dynamic", None),
        ("population_dynamics", "dynamic", None),
        ("transcription_rnaseq", None, "transcriptomics_inference"),
        ("protein_fold", None, "protein_folding"),
        ("quantum_teleportation", None, None),
    ],
)
def test_unknown_codes_are_placed_and_never_guessed(
    code: str, service: str | None, accelerated: str | None
) -> None:
    where = route(code)
    assert where.process is None
    assert (where.service, where.accelerated_type) == (service, accelerated)


def test_near_matches_of_a_misspelt_code() -> None:
    assert "metabolic_fba" in route("metabolic_fbaa").near_matches


def result_fields() -> dict[str, object]:
    return {
        "status": "success",
        "execution_type": "service_based_computation",
        "computation_service": "centralized_cobrapy",
        "process_code": "metabolic_fba",
        "vm_id": "a",
        "biological_output": "growth rate 0.87 1/h",
        "execution_time": 0.1,
    }


@given(
    st.sampled_from(["service_based_computation", "symbolic"]),
    st.sampled_from(["centralized_cobrapy", LOCAL_SYMBOLIC]),
    st.booleans(),
    st.sampled_from([None, "no service"]),
)
def test_no_result_wears_a_disguise(kind: str, service: str, symbolic: bool, reason: str | None) -> None:
    fields = result_fields() | {
        "execution_type": kind,
        "computation_service": service,
        "symbolic": symbolic,
        "reason": reason,
    }
    consistent = {kind == "symbolic", service == LOCAL_SYMBOLIC, symbolic, reason is not None}
    if len(consistent) == 1:
        assert ProcessResult.model_validate(fields).symbolic == symbolic
    else:
        with pytest.raises(ValueError, match="a symbolic result, and no other"):
            ProcessResult.model_validate(fields)


def test_raise_for_status() -> None:
    result = ProcessResult.model_validate(result_fields())
    assert result.raise_for_status() is result
    with pytest.raises(ComputationError):
        ProcessResult.model_validate(result_fields() | {"status": "failed"}).raise_for_status()


def test_configs_are_read_strictly() -> None:
    with pytest.raises(ValidationError, match="enable_service_computation"):
        parse(VmConfig, {"enable_service_computation": "yes"})
