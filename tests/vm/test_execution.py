"""Every route a process can take, and that no fallback hides an error and no label is missing."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.vm.doubles import FakeServices

from bioxen.client import BiologicalComputationClient
from bioxen.errors import (
    BioXenErrorCode,
    BioXenException,
    ComputationTimeoutError,
    EngineCrashError,
    MissingModuleError,
    OverloadError,
    ServiceUnavailableError,
    UnknownIdentifierError,
    UnknownProcessError,
    ValidationError,
)
from bioxen.protocol.processes import PROCESSES
from bioxen.protocol.result import LOCAL_SYMBOLIC, ProcessResult
from bioxen.vm.execution import BiologicalComputationHypervisor

FOLDER = {"code": "protein_fold", "aliases": ["fold"], "title": "folding", "service": "folder", "kisao": None}
FALLBACK = (ServiceUnavailableError, OverloadError, UnknownProcessError, MissingModuleError)


def execute(services: FakeServices, code: str, mode: str = "hybrid", **fields: Any) -> ProcessResult:
    router = BiologicalComputationHypervisor(services.client())
    return router.execute_biological_process(
        code, {"vm_id": "cell-1", "biological_type": "ecoli", "execution_mode": mode, **fields}
    )


def failing_with(error: BioXenException) -> Any:
    content, headers = json.dumps(error.to_problem()), {"Content-Type": "application/problem+json"}
    return lambda _: httpx2.Response(error.http_status, content=content, headers=headers)


@pytest.mark.parametrize("mode", ["hybrid", "real"])
def test_a_metabolic_process(services: FakeServices, mode: str) -> None:
    result = execute(services, "flux_balance_analysis", mode, constraints={"EX_o2_e": [-1.0, None]})
    assert services.paths == ["/compute/metabolic"]
    assert services.requests[0]["constraints"] == {"EX_o2_e": [-1.0, None]}
    assert result.status == "success"
    assert result.execution_type == "service_based_computation"
    assert result.computation_service == "centralized_cobrapy"
    assert result.process_code == "flux_balance_analysis"
    assert result.vm_id == "cell-1"
    line = "growth rate 0.8739 1/h (optimal; objective Biomass_Ecoli_core) on textbook"
    assert result.biological_output == line
    assert 0 < result.execution_time < 5
    assert result.service_results is not None
    assert result.service_results["optimal_objective"] == 0.8739215
    assert (result.symbolic, result.reason, result.accelerated, result.cache_hit) == (
        False,
        None,
        False,
        False,
    )


def test_a_stochastic_process(services: FakeServices) -> None:
    result = execute(services, "stochastic_simulation", seed=42)
    assert services.paths == ["/compute/kinetic"]
    assert result.computation_service == "centralized_tellurium"
    assert (
        result.biological_output == "at t = 100 model time units: mRNA = 2.5 nM (seed 42) on gene_expression"
    )


def test_infeasible_is_an_outcome(services: FakeServices) -> None:
    services.changes = {
        "status": "infeasible",
        "message": "No flux meets every bound.",
        "optimal_objective": None,
    }
    result = execute(services, "metabolic_fba", "real")
    assert result.status == "success"
    assert result.biological_output.startswith("No flux meets every bound.")
    assert "growth rate" not in result.biological_output


@pytest.mark.parametrize(("code", "status"), [("metabolic_fba", "numeric"), ("kinetic_ode", "failed")])
def test_no_outcome_is_a_failure(services: FakeServices, code: str, status: str) -> None:
    services.changes = {"status": status, "message": "CVODE gave up."}
    result = execute(services, code)
    assert result.status == "failed"
    assert not result.symbolic
    assert "CVODE gave up." in result.biological_output


@pytest.mark.parametrize("code", list(BioXenErrorCode))
def test_real_never_falls_back_and_hybrid_hides_no_error(
    services: FakeServices, code: BioXenErrorCode
) -> None:
    error = BioXenException("It went wrong.", code)
    services.fault = failing_with(error)
    with pytest.raises(type(error)):
        execute(services, "metabolic_fba", "real")
    if isinstance(error, FALLBACK):
        result = execute(services, "metabolic_fba", "hybrid")
        assert result.symbolic
        assert result.reason is not None
        assert "It went wrong." in result.reason
        assert result.computation_service == LOCAL_SYMBOLIC
        assert result.service_results is not None
        assert result.service_results["fault"]["code"] == code
        return
    with pytest.raises(type(error)):
        execute(services, "metabolic_fba", "hybrid")


def test_the_faults_that_must_never_be_hidden() -> None:
    for kind in (ValidationError, UnknownIdentifierError, ComputationTimeoutError, EngineCrashError):
        assert not issubclass(kind, FALLBACK)


@pytest.mark.parametrize("mode", ["symbolic", "hybrid", "real"])
def test_bad_input_is_an_error_in_every_mode(services: FakeServices, mode: str) -> None:
    with pytest.raises(ValidationError, match="Did you mean constraints"):
        execute(services, "metabolic_fba", mode, constraint={})
    assert services.paths == []


def test_symbolic_never_asks(services: FakeServices) -> None:
    for code in [process.code for process in PROCESSES[:5]] + ["protein_fold", "unknown"]:
        result = execute(services, code, "symbolic")
        assert result.symbolic
        assert "symbolic mode" in str(result.reason)
    assert services.paths == []


@pytest.mark.parametrize("code", ["metabolic_fbaa", "transcription_rnaseq", "quantum_flux", "anything"])
def test_an_unknown_code_is_never_guessed(services: FakeServices, code: str) -> None:
    with pytest.raises(UnknownProcessError):
        execute(services, code, "real")
    result = execute(services, code, "hybrid")
    assert result.symbolic
    assert services.requests == []


def test_near_matches_are_in_the_reason(services: FakeServices) -> None:
    assert "Did you mean metabolic_fba" in str(execute(services, "metabolic_fbaa").reason)
    assert "transcriptomics_inference" in str(execute(services, "transcription_rnaseq").reason)


@pytest.mark.parametrize("code", ["protein_fold", "fold"])
def test_a_third_partys_tool(services: FakeServices, code: str) -> None:
    services.processes = [FOLDER]
    services.changes = {"accelerated": True, "pdb": "..."}
    result = execute(services, code, "real", sequence="MKV")
    assert services.paths == ["/processes", "/compute/process"]
    sent = services.requests[0]
    assert sent["process_code"] == code
    assert sent["context"] == {"sequence": "MKV", "vm_id": "cell-1", "chassis_type": "ecoli", "delta": {}}
    assert result.computation_service == "tool folder"
    assert (result.biological_output, result.accelerated) == ("folded", True)
    assert result.service_results == {"biological_output": "folded", "accelerated": True, "pdb": "..."}


def test_a_tool_that_computed_nothing_is_symbolic(services: FakeServices) -> None:
    services.processes = [FOLDER]
    services.changes = {"symbolic": True, "reason": "no weights here"}
    assert "no weights here" in str(execute(services, "protein_fold").reason)
    with pytest.raises(ServiceUnavailableError):
        execute(services, "protein_fold", "real")


def test_without_services() -> None:
    router = BiologicalComputationHypervisor()
    assert "bioxen up" in str(router.execute_biological_process("metabolic_fba", {}).reason)
    with pytest.raises(ServiceUnavailableError):
        router.execute_biological_process("metabolic_fba", {"execution_mode": "real"})
    with pytest.raises(UnknownProcessError):
        router.execute_biological_process("what", {"execution_mode": "real"})
    only_static = BiologicalComputationHypervisor(BiologicalComputationClient("http://static", None))
    result = only_static.execute_biological_process("kinetic_ode", {})
    assert "No dynamic service is configured" in str(result.reason)


def test_a_symbolic_result_can_be_used(services: FakeServices) -> None:
    result = execute(services, "metabolic_fba", "symbolic", gene_knockouts=["b0002"])
    about = result.service_results
    assert about is not None
    assert about["process"]["title"] == "flux balance analysis"
    assert about["process"]["kisao"] == "KISAO:0000437"
    assert about["request"]["gene_knockouts"] == ["b0002"]
    facts = {fact["name"]: fact for fact in about["facts"]}
    assert set(facts) == {"doubling_time", "expected_growth_rate"}
    assert math.isclose(facts["expected_growth_rate"]["value"], math.log(2) / 0.5)
    assert facts["expected_growth_rate"]["source"] == "ln 2 / doubling_time; Nobody 2000"
    assert all("not a result" in fact["kind"] for fact in facts.values())
    assert "optimal_objective" not in json.dumps(about)


def test_symbolic_kinetics_name_their_own_facts(services: FakeServices) -> None:
    result = execute(services, "kinetic_ode", "symbolic", kinetic_code="x" * 1000)
    about = result.service_results
    assert about is not None
    assert "mrna_half_life" in {fact["name"] for fact in about["facts"]}
    assert len(about["request"]["kinetic_code"]) < 300


NEEDS_MORE = (
    *("batch", "estimation", "envelope", "phase_plane", "robustness"),
    *("ensemble", "scan", "sobol", "morris", "continuation", "bifurcation", "petab"),
)
"""Processes that cannot be asked without a context."""
CODES = st.sampled_from([code for process in PROCESSES for code in process.codes])
ASKED = (CODES | st.text(min_size=1, max_size=20)).filter(
    lambda code: not any(word in code for word in NEEDS_MORE)
)
"""Any other code, and text, among which Hypothesis may put codes that it found in the source."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    code=ASKED,
    mode=st.sampled_from(["symbolic", "hybrid"]),
    up=st.booleans(),
)
def test_every_result_is_honest(_fictional_chassis: None, code: str, mode: str, up: bool) -> None:
    services = FakeServices()
    if not up:
        services.fault = failing_with(ServiceUnavailableError("Down."))
    result = execute(services, code, mode)
    computed = bool(services.requests) and up
    assert result.symbolic != computed
    assert (result.execution_type == "service_based_computation") == computed
    assert (result.reason is None) == computed
    assert result.execution_time >= 0
    assert ("symbolic" in result.biological_output) != computed
