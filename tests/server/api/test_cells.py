"""Virtual cells over HTTP: their life, their edits, their resources, their processes."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from bioxen.client import BiologicalComputationClient
from bioxen.errors import ConfigurationError, VmCreationError, VmNotFoundError, VmStateError
from bioxen.protocol.cells import Resources
from bioxen.server.supervisor import Supervisor
from bioxen.vm.hypervisor import BioXenHypervisor
from bioxen.vm.population_results import PopulationResult


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
    assert [vm["vm_id"] for vm in http.get("/vms").json()["vms"]].count("cell-1") == 1
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


def test_a_process_of_a_cell_is_a_job_too(http: httpx2.Client, cell: str) -> None:
    wanted = {"process_code": "metabolic_dfba", "context": {"time_end": 0.5}, "advance": True}
    assert http.post(f"{cell}/jobs", json=wanted).json()["code"] == "BX006"
    http.post(f"{cell}/actions/start")
    key = {"idempotency-key": "half an hour"}
    accepted = http.post(f"{cell}/jobs", json=wanted, headers=key)
    assert accepted.status_code == 202, accepted.text
    place = accepted.headers["location"]
    with http.stream("GET", f"{place}/events") as events:
        assert '"state":"done"' in "".join(events.iter_text())
    job = http.get(place).json()
    assert (job["vm_id"], job["state"], job["error"]) == ("cell-1", "done", None)
    assert http.get(f"{place}/result").json()["dynamics"]["time"][-1] == 0.5
    http.post(f"{cell}/actions/pause")
    again = http.post(f"{cell}/jobs", json=wanted, headers=key)
    assert (again.status_code, again.headers["location"]) == (202, place)
    other = http.post(f"{cell}/jobs", json={"process_code": "metabolic_fba"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "BX020")
    status = http.get(cell).json()
    assert (status["living"]["time"], status["processes_executed"]) == (0.5, 1)
    assert http.post(f"{cell}/replay").json()["same"]


@pytest.mark.parametrize(
    ("wanted", "status", "place"),
    [
        ({"process_code": "metabolic_fbaa"}, 422, "process_code"),
        ({"process_code": "metabolic_fba", "advance": True}, 422, "advance"),
        ({"process_code": "metabolic_fba", "context": {"objectiv": "x"}}, 422, "objectiv"),
        ({"process_code": "metabolic_fba", "priority": 101}, 422, "priority"),
    ],
)
def test_what_is_wrong_with_a_cells_job_is_said_at_once(
    http: httpx2.Client, cell: str, wanted: dict[str, Any], status: int, place: str
) -> None:
    http.post(f"{cell}/actions/start")
    refused = http.post(f"{cell}/jobs", json=wanted)
    assert (refused.status_code, refused.json()["place"]) == (status, place), refused.text
    assert http.post("/vms/nobody/jobs", json={"process_code": "metabolic_fba"}).status_code == 404


def test_a_cell_that_asks_no_services_has_no_jobs(http: httpx2.Client) -> None:
    http.post("/vms", json={"vm_id": "plain-1", "biological_type": "ecoli", "vm_type": "basic"})
    http.post("/vms/plain-1/actions/start")
    refused = http.post("/vms/plain-1/jobs", json={"process_code": "metabolic_fba"})
    assert "asks no services" in refused.json()["detail"]
    http.delete("/vms/plain-1")


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


def test_a_past_over_http(http: httpx2.Client, cell: str) -> None:
    http.post(f"{cell}/actions/start")
    assert http.post(f"{cell}/snapshots", json={"name": "new"}).json()["number"] == 1
    grown = {
        "process_code": "metabolic_dfba",
        "context": {"time_end": 2.0, "time_points": 9},
        "advance": True,
    }
    for _ in range(2):
        answer = http.post(f"{cell}/processes", json=grown)
        assert answer.status_code == 200, answer.text
    once = http.post(
        "/compute/metabolic", json={"process_code": "metabolic_dfba", "time_end": 4.0, "time_points": 17}
    ).json()["dynamics"]
    living = http.get(cell).json()["living"]
    assert living["time"] == 4.0
    assert living["biomass"] == pytest.approx(once["biomass"][-1], rel=1e-9)
    assert living["concentrations"]["EX_glc__D_e"] == pytest.approx(
        once["concentrations"]["EX_glc__D_e"][-1], rel=1e-9
    )
    replay = http.post(f"{cell}/replay").json()
    assert (replay["same"], len(replay["entries"])) == (True, 2)
    fork = http.post(
        f"{cell}/forks", json={"vm_id": "cell-1b", "snapshot": 1, "changes": {"gene_knockouts": ["b2276"]}}
    )
    assert (fork.status_code, fork.json()["living"], fork.json()["state"]) == (201, None, "running")
    ancestors = http.get("/vms/cell-1b/lineage").json()["ancestors"]
    assert [(one["vm_id"], one["parent"], one["snapshot"]) for one in ancestors] == [
        ("cell-1b", "cell-1", 1),
        ("cell-1", None, None),
    ]
    assert http.post(f"{cell}/restore", json={"snapshot": 1}).json()["living"] is None
    assert http.delete(f"{cell}/snapshots/1").status_code == 204
    gone = http.delete(f"{cell}/snapshots/1")
    assert (gone.status_code, gone.json()["code"], gone.json()["place"]) == (409, "BX006", "snapshot")
    assert (http.get(f"{cell}/snapshots").json(), http.delete(f"{cell}/snapshots/0").status_code) == ([], 422)
    http.put(f"{cell}/delta", json={"gene_knockouts": ["b2276"]})
    history = http.get(f"{cell}/history").json()["entries"]
    assert [one["kind"] for one in history] == ["process", "process", "restore", "edit"]
    assert history[1]["after"]["living"] == living == history[2]["before"]["living"]
    assert (history[0]["context"], history[3]["context"]) == (grown["context"], None)
    replay = http.post(f"{cell}/replay", params={"after": 1}).json()
    assert [(one["number"], one["same"]) for one in replay["entries"]] == [(2, True)]
    assert http.delete("/vms/cell-1b").status_code == 204


def test_what_was_eaten_is_gone_for_the_next_process(http: httpx2.Client, cell: str) -> None:
    http.post(f"{cell}/actions/start")
    grown = {
        "initial_biomass": 0.1,
        "initial_concentrations": {"EX_glc__D_e": 20.0, "EX_o2_e": 0.5},
        "time_end": 1.0,
        "time_points": 11,
    }
    call = {"process_code": "metabolic_dfba", "context": grown, "advance": True}
    assert http.post(f"{cell}/processes", json=call).status_code == 200
    left = http.get(cell).json()["living"]["concentrations"]
    assert left["EX_o2_e"] == 0.0 and left["EX_glc__D_e"] > 1.0
    anaerobic = run(http, cell, "metabolic_fba")["service_results"]
    assert anaerobic["optimal_objective"] == pytest.approx(0.211663, abs=1e-6)
    aired = run(http, cell, "metabolic_fba", constraints={"EX_o2_e": [-1000.0, 1000.0]})["service_results"]
    assert aired["optimal_objective"] == pytest.approx(0.873922, abs=1e-6)


def test_a_population_in_a_few_requests(http: httpx2.Client) -> None:
    names = [f"p-{number:03}" for number in range(40)]
    uptakes = [number / 4 for number in range(40)]
    specs = [
        {
            "vm_id": name,
            "biological_type": "ecoli",
            "config": {"delta": {"constraints": {"EX_glc__D_e": [-uptake, 1000.0]}}},
        }
        for name, uptake in zip(names, uptakes, strict=True)
    ]
    assert http.post("/vms/bulk", json={"action": "create", "cells": specs}).json()["done"] == 40
    not_running = http.post("/vms/runs", json={"vm_ids": names, "process_code": "metabolic_fba"})
    assert (not_running.status_code, not_running.json()["place"]) == (409, "vm_ids.0")
    http.post("/vms/bulk", json={"action": "start", "vm_ids": names})
    job = http.post("/vms/runs", json={"vm_ids": names, "process_code": "metabolic_fba"})
    assert job.status_code == 202, job.text
    with http.stream("GET", f"{job.headers['location']}/events") as events:
        assert "done" in events.read().decode()
    columns = http.get(f"{job.headers['location']}/result").json()["batch"]
    for name, status, objective in list(zip(names, columns["status"], columns["objective"], strict=True))[
        ::8
    ]:
        alone = run(http, f"/vms/{name}", "metabolic_fba")["service_results"]
        assert (status, objective) == (alone["status"], alone["optimal_objective"])
    assert http.post("/vms/bulk", json={"action": "destroy", "vm_ids": names}).json()["done"] == 40
    assert http.get("/vms/p-000").status_code == 404


def test_a_population_in_python(hypervisor: BioXenHypervisor) -> None:
    told: list[int] = []
    population = hypervisor.population(
        "ecoli",
        n=600,
        vary=lambda number: {"constraints": {"EX_glc__D_e": [-number / 30, 1000.0]}},
        name="pop",
    )
    try:
        result = population.run(
            "metabolic_fba",
            {"report": "fluxes", "reactions": ["PFK"]},
            seen=lambda job: told.append(job.parts_done),
        )
        assert isinstance(result, PopulationResult)
        assert (len(population), told[-1]) == (600, 3)
        assert result.status["pop-001"] == "infeasible" and result.objective["pop-001"] is None
        assert result.objective["pop-301"] == pytest.approx(0.873922, abs=1e-6)
        assert result.fluxes("PFK")["pop-301"] == pytest.approx(7.477, abs=1e-3)
        frame = result.to_frame()
        assert (frame.index.name, frame.loc["pop-301", "status"]) == ("vm_id", "optimal")
        moma = population.run("metabolic_fva", {"reactions": ["PFK"]})
        assert isinstance(moma, PopulationResult)
        assert moma.result.batch is not None and moma.result.batch.results is not None
        assert hypervisor.kept.lineage("pop-301").ancestors[1].vm_id == "pop"
        with pytest.raises(VmCreationError, match="'pop' is registered already"):
            hypervisor.population("ecoli", n=1, name="pop")
    finally:
        population.destroy()
    with pytest.raises(VmNotFoundError):
        hypervisor.kept.get("pop-301")


@pytest.mark.parametrize(("n", "vary"), [(None, None), (0, None), (3, [{}]), (None, [])])
def test_a_population_of_no_clear_size(hypervisor: BioXenHypervisor, n: int | None, vary: Any) -> None:
    with pytest.raises(ConfigurationError, match="size of the population"):
        hypervisor.population("ecoli", n=n, vary=vary)


def test_without_an_orchestrator_nothing_is_kept() -> None:
    with pytest.raises(ConfigurationError, match="knows none"):
        BioXenHypervisor().kept.get("a")
    with pytest.raises(ConfigurationError, match="knows none"):
        BioXenHypervisor().population("ecoli", n=1)


def test_a_client_of_kept_cells(services: Supervisor) -> None:
    with BiologicalComputationClient(services.url, services.url, services.url) as client:
        cells = client.cells
        cells.create("k-1", "ecoli", config={"resources": {"ribosomes": 10}})
        cells.set_delta("k-1", {"gene_knockouts": ["b2276"]})
        cells.act("k-1", "start")
        assert cells.run("k-1", "metabolic_fba").status == "success"
        assert cells.snapshot("k-1", "here").number == 1
        cells.fork("k-1", "k-2", {"medium": {}})
        cells.fork("k-1", "k-3", snapshot=1)
        assert [(kin.vm_id, kin.snapshot) for kin in cells.children("k-1")] == [("k-2", None), ("k-3", 1)]
        page = cells.lineage("k-1", limit=1)
        assert ([kin.vm_id for kin in page.children], page.next) == (["k-2"], "k-2")
        assert [kin.vm_id for kin in cells.lineage("k-1", after="k-2").children] == ["k-3"]
        assert cells.get("k-2").delta.medium == {}
        assert cells.allocate("k-2", ribosomes=5).resources == Resources(ribosomes=5)
        assert [vm.vm_id for vm in cells if vm.vm_id.startswith("k-")] == ["k-1", "k-2", "k-3"]
        assert [one.number for one in cells.snapshots("k-1")] == [1]
        assert cells.restore("k-1", 1).delta.gene_knockouts == ["b2276"]
        assert [one.kind for one in cells.history("k-1").entries] == ["edit", "process", "restore"]
        assert cells.replay("k-1").same
        cells.delete_snapshot("k-1", 1)
        with pytest.raises(VmStateError, match="no snapshot 1 any more"):
            cells.delete_snapshot("k-1", 1)
        for name in ("k-1", "k-2", "k-3"):
            cells.destroy(name)
        with pytest.raises(VmNotFoundError):
            cells.get("k-1")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/vms/nobody/forks", {"vm_id": "x"}, "BX010"),
        ("/vms/nobody/snapshots", {}, "BX010"),
        ("/vms/nobody/restore", {"snapshot": 1}, "BX010"),
        ("/vms/nobody/replay", None, "BX010"),
        ("/vms/cell-1/restore", {"snapshot": 9}, "BX006"),
        ("/vms/cell-1/forks", {"vm_id": "cell-1"}, "BX001"),
        ("/vms/cell-1/forks", {"vm_id": "x", "changes": {"genes": []}}, "BX008"),
        ("/vms/bulk", {"action": "explode", "vm_ids": ["cell-1"]}, "BX008"),
        ("/vms/bulk", {"action": "start", "vm_ids": []}, "BX008"),
        ("/vms/bulk", {"action": "start", "vm_ids": ["cell-1", "nobody"]}, "BX010"),
        ("/vms/runs", {"vm_ids": ["nobody"], "process_code": "metabolic_fba"}, "BX010"),
        ("/vms/runs", {"vm_ids": ["cell-1"], "process_code": "metabolic_fbaa"}, "BX014"),
        ("/vms/runs", {"vm_ids": ["cell-1"], "process_code": "kinetic_scan"}, "BX014"),
        ("/vms/runs", {"vm_ids": ["cell-1"], "process_code": "metabolic_fba"}, "BX006"),
        ("/vms/cell-1/processes", {"process_code": "metabolic_fba", "advance": True}, "BX006"),
    ],
)
def test_what_cannot_be_done_with_cells(
    http: httpx2.Client, cell: str, path: str, body: dict[str, Any] | None, code: str
) -> None:
    answer = http.post(path, json=body)
    assert answer.json()["code"] == code, answer.text
    assert answer.json()["remedy"] or answer.json()["details"]["near_matches"], answer.text
