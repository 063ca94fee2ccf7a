"""The core model's published table, over the REST API.

Orth, Fleming & Palsson 2010 (EcoSal Plus), table of growth on each substrate, computed at an uptake limit of
20 mmol/gDW/h; cells that are infeasible, since maintenance cannot be met, are printed there as 0.
"""

from typing import Any

import httpx2
import pytest
from tests.shared_data import reference

ANAEROBIC = {"EX_o2_e": [0.0, 1000.0]}


def fba(http: httpx2.Client, **fields: Any) -> dict[str, Any]:
    answer = http.post("/compute/metabolic", json={"process_code": "metabolic_fba", **fields})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def test_growth_on_glucose(http: httpx2.Client) -> None:
    aerobic = fba(http, chassis_type="ecoli")
    assert aerobic["optimal_objective"] == pytest.approx(0.8739215069684305, abs=1e-6)
    assert aerobic["flux_state"]["EX_o2_e"] == pytest.approx(-21.799493, abs=1e-5)
    anaerobic = fba(http, constraints=ANAEROBIC)
    assert anaerobic["optimal_objective"] == pytest.approx(0.2116629497353107, abs=1e-6)
    assert fba(http)["flux_state"] == aerobic["flux_state"]


def test_the_result_has_the_form_that_was_promised(http: httpx2.Client) -> None:
    result = fba(http, vm_id="cell-1")
    assert result["computation_type"] == "static_metabolic"
    assert result["computation_service"] == "centralized_cobrapy"
    assert result["execution_result"] == "computed_state"
    assert result["status"] == "optimal"
    assert result["vm_id"] == "cell-1"
    assert result["provenance"]["model_id"] == "textbook"
    assert result["model_key"] == result["provenance"]["model_digest"]
    assert result["certificate"]["residual"] < 1e-8


def test_the_same_request_gives_the_same_bytes(http: httpx2.Client, static: httpx2.Client) -> None:
    asked = [{"process_code": "metabolic_fba", "constraints": c} for c in ({}, ANAEROBIC, {}, ANAEROBIC)]
    bodies = [
        client.post("/compute/metabolic", json=body).content for client in (http, static) for body in asked
    ]
    assert len(set(bodies)) == 2
    assert "compute;dur=" in static.post("/compute/metabolic", json=asked[0]).headers["server-timing"]


def test_the_genome_scale_model(http: httpx2.Client) -> None:
    result = fba(http, model="iJO1366")
    assert result["optimal_objective"] == pytest.approx(0.9823718127269633, abs=1e-6)
    assert len(result["flux_state"]) == 2583


def test_every_substrate_with_and_without_oxygen(http: httpx2.Client) -> None:
    table = reference()["core_tables"]["orth2010_table_lim20"]
    for exchange, expected in table.items():
        for oxygen, growth in expected.items():
            constraints: dict[str, list[float]] = {"EX_glc__D_e": [0.0, 1000.0]}
            constraints[exchange] = [-20.0, 1000.0]
            if oxygen == "anaerobic":
                constraints |= ANAEROBIC
            result = fba(http, constraints=constraints)
            if growth is None:
                assert result["status"] == "infeasible", (exchange, oxygen)
                assert result["optimal_objective"] is None
                assert result["flux_state"] is None
            else:
                assert result["optimal_objective"] == pytest.approx(growth, abs=1e-4), (exchange, oxygen)
