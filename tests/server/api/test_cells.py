"""Virtual cells over HTTP: their life, their edits, their resources, their processes."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest


@pytest.fixture
def cell(http: httpx2.Client) -> Iterator[str]:
    made = http.post("/vms", json={"vm_id": "cell-1", "biological_type": "ecoli"})
    assert made.status_code == 201, made.text
    yield "/vms/cell-1"
    http.delete("/vms/cell-1")


def run(http: httpx2.Client, cell: str, code: str, **context: Any) -> dict[str, Any]:
    answer = http.post(f"{cell}/processes", json={"process_code": code, "context": context})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def test_a_life(http: httpx2.Client, cell: str) -> None:
    assert http.get(cell).json()["state"] == "created"
    refused = http.post(f"{cell}/processes", json={"process_code": "metabolic_fba"})
    assert (refused.status_code, refused.json()["code"]) == (409, "BX006")
    for action, state in (
        ("start", "running"),
        ("pause", "paused"),
        ("resume", "running"),
        ("stop", "stopped"),
    ):
        assert http.post(f"{cell}/actions/{action}").json()["state"] == state
    assert http.post(f"{cell}/actions/pause").status_code == 409
    assert [vm["vm_id"] for vm in http.get("/vms").json()].count("cell-1") == 1
    assert http.delete(cell).status_code == 204
    assert http.get(cell).json()["code"] == "BX010"


def test_edits_go_with_each_request(http: httpx2.Client, cell: str) -> None:
    http.post(f"{cell}/actions/start")
    assert run(http, cell, "metabolic_fba")["service_results"]["optimal_objective"] == pytest.approx(
        0.873922, abs=1e-6
    )
    edited = http.put(f"{cell}/delta", json={"constraints": {"EX_o2_e": [0.0, 1000.0]}})
    assert edited.json()["delta"]["constraints"] == {"EX_o2_e": [0.0, 1000.0]}
    assert run(http, cell, "metabolic_fba")["service_results"]["optimal_objective"] == pytest.approx(
        0.211663, abs=1e-6
    )


def test_symbolic_says_why(http: httpx2.Client, cell: str) -> None:
    http.post(f"{cell}/actions/start")
    result = run(http, cell, "transcription_everything")
    assert (result["symbolic"], result["computation_service"]) == (True, "vm_local_symbolic")
    assert "transcriptomics_inference" in result["reason"]


def test_bad_context_is_an_error_in_a_hybrid_cell_too(http: httpx2.Client, cell: str) -> None:
    http.post(f"{cell}/actions/start")
    answer = http.post(
        f"{cell}/processes", json={"process_code": "metabolic_fba", "context": {"objective": "BIOMAS"}}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "BX013")


def test_resources_are_enforced(http: httpx2.Client, cell: str) -> None:
    http.post(f"{cell}/actions/start")
    assert http.put(f"{cell}/resources", json={"atp_share": 0.8}).json()["resources"]["atp_share"] == 0.8
    http.post("/vms", json={"vm_id": "cell-2", "biological_type": "yeast"})
    http.post("/vms/cell-2/actions/start")
    refused = http.put("/vms/cell-2/resources", json={"atp_share": 0.3})
    http.delete("/vms/cell-2")
    assert (refused.status_code, refused.json()["code"]) == (507, "BX009")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"vm_id": "cell-1", "biological_type": "ecoli"}, 422, "BX001"),
        ({"vm_id": "a b", "biological_type": "ecoli"}, 422, "BX008"),
        ({"vm_id": "x", "biological_type": "ecolli"}, 422, "BX008"),
        ({"vm_id": "x", "biological_type": "ecoli", "vm_type": "xcpng"}, 422, "BX008"),
        (
            {
                "vm_id": "x",
                "biological_type": "ecoli",
                "config": {"computation_service_urls": {"static": "http://127.0.0.1:1"}},
            },
            422,
            "BX005",
        ),
    ],
)
def test_cells_that_cannot_be(
    http: httpx2.Client, cell: str, body: dict[str, Any], status: int, code: str
) -> None:
    answer = http.post("/vms", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_how_a_cell_computes(http: httpx2.Client, cell: str) -> None:
    status = http.get(f"{cell}/computation").json()
    assert status["service_based"] is True
    assert status["vm_computation_mode"] == "service_client"
    assert set(status["service_health"].values()) == {"healthy"}


def test_the_registry(http: httpx2.Client) -> None:
    services = http.get("/services").json()
    assert {service["service"] for service in services} == {"static", "dynamic"}
    foreign = http.post("/services", json={"service": "static", "url": "http://10.1.2.3:5001"})
    assert (foreign.status_code, foreign.json()["code"]) == (422, "BX005")
    added = http.post("/services", json={"service": "static", "url": "http://127.0.0.1:9"})
    assert added.status_code == 201
    assert http.post("/compute/metabolic", json={"process_code": "metabolic_fba"}).status_code == 200
    assert http.delete("/services", params={"url": "http://127.0.0.1:9"}).status_code == 204
    assert http.get("/services").json()[0]["url"] == services[0]["url"]
