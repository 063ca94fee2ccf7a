"""Quotas of cells over HTTP, by the client and on the command line, on real services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from bioxen.client import BiologicalComputationClient
from bioxen.client.cells import KeptCells
from bioxen.errors import ResourceExhaustionError, ValidationError
from bioxen.protocol.cells import VmSpec
from bioxen.protocol.lineage import ForkSpec
from bioxen.protocol.quotas import CellQuotas
from bioxen.server.supervisor import Supervisor

GROWING = {"process_code": "metabolic_fba"}


@pytest.fixture
def kept(services: Supervisor) -> Iterator[KeptCells]:
    with BiologicalComputationClient(None, None, services.url) as client:
        yield client.cells
        mine = [vm.vm_id for vm in client.cells if vm.vm_id.startswith("quota-")]
        if mine:
            client.cells.act_many(mine, "destroy")


def fresh(number: int) -> dict[str, Any]:
    """Return a context that nobody has asked for: what a cache knows costs no computing time."""
    return {"constraints": {"EX_glc__D_e": [-7.0 - number / 1000, 1000.0]}}


def test_quotas_are_set_at_birth_and_later_and_shown_with_what_is_used(
    http: httpx2.Client, kept: KeptCells
) -> None:
    body = {
        "vm_id": "quota-1",
        "biological_type": "ecoli",
        "quotas": {"queued_jobs": 4, "running_jobs": None},
    }
    assert http.post("/vms", json=body).status_code == 201
    report = http.get("/vms/quota-1/resources").json()
    assert report["quotas"] == {
        "running_jobs": None,
        "queued_jobs": 4,
        "stored_bytes": None,
        "cpu_seconds": None,
    }
    assert report["own_quotas"] == ["queued_jobs", "running_jobs"]
    assert (report["granted"], report["ribosomes"], report["usage"]["cpu_seconds"]) == (False, 0, 0.0)
    kept.allocate("quota-1", ribosomes=10)
    kept.act("quota-1", "start")
    kept.run("quota-1", "metabolic_fba", fresh(1))
    after = kept.set_quotas("quota-1", cpu_seconds=1e-9)
    assert (after.own_quotas, after.granted, after.ribosomes) == (["cpu_seconds"], True, 10)
    assert after.usage.cpu_seconds > 0.0 and after.usage.stored_bytes > 0
    assert after.processes_executed == 1
    answers = [
        http.post("/vms/quota-1/processes", json=GROWING),
        http.post("/vms/quota-1/jobs", json=GROWING),
        http.post("/vms/quota-1/replay"),
        http.post("/vms/runs", json={"vm_ids": ["quota-1"], **GROWING}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (507, "BX009"), answer.text
        details = answer.json()["details"]
        assert (details["vm_id"], details["quota"], details["limit"]) == ("quota-1", "cpu_seconds", 1e-9)
        assert int(answer.headers["retry-after"]) > 80_000, (answer.url, answer.text)
    with pytest.raises(ResourceExhaustionError, match="processes of the cell quota-1 computed for"):
        kept.submit("quota-1", "metabolic_fba")
    assert http.put("/vms/quota-1/quotas", json={}).json()["own_quotas"] == []
    assert http.post("/vms/quota-1/processes", json=GROWING).status_code == 200


def test_the_client_says_what_was_meant_to_be_no_limit(kept: KeptCells) -> None:
    specs = [
        VmSpec(vm_id="quota-2", biological_type="ecoli", quotas=CellQuotas(cpu_seconds=None)),
        VmSpec(vm_id="quota-3", biological_type="ecoli", quotas=CellQuotas(running_jobs=1)),
        VmSpec(vm_id="quota-4", biological_type="ecoli"),
    ]
    kept.create_many(specs)
    kept.fork_many("quota-2", [ForkSpec(vm_id="quota-5")])
    kept.create("quota-6", quotas={"stored_bytes": 10_000})
    own = [kept.get_resource_usage(f"quota-{number}").own_quotas for number in range(2, 7)]
    assert own == [["cpu_seconds"], ["running_jobs"], [], ["cpu_seconds"], ["stored_bytes"]]


@pytest.mark.parametrize(
    "wrong", [{"running_jobs": 0}, {"cpu_seconds": -1.0}, {"cpu_second": 1.0}, {"queued_jobs": "3"}]
)
def test_what_is_no_quota_is_refused(http: httpx2.Client, kept: KeptCells, wrong: dict[str, Any]) -> None:
    kept.create("quota-7")
    answer = http.put("/vms/quota-7/quotas", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "BX008"), answer.text
    with pytest.raises(ValidationError):
        kept.set_quotas("quota-7", **wrong)
    assert kept.get_resource_usage("quota-7").own_quotas == []
    assert http.put("/vms/nobody/quotas", json={}).status_code == 404
    assert http.get("/vms/nobody/resources").status_code == 404


def test_a_population_is_counted_for_its_limited_cell(services: Supervisor, kept: KeptCells) -> None:
    names = [f"quota-p{number}" for number in range(4)]
    kept.create_many([VmSpec(vm_id=name, biological_type="ecoli") for name in names])
    kept.act_many(names, "start")
    kept.set_quotas(names[2], cpu_seconds=1000.0)
    with BiologicalComputationClient(None, None, services.url) as client:
        job = client.jobs.wait(kept.run_many(names, "metabolic_fba", fresh(2)).job_id)
        assert job.state == "done" and job.seconds > 0.0
    usage = [kept.get_resource_usage(name).usage for name in names]
    assert [one.cpu_seconds > 0.0 for one in usage] == [False, False, True, False]
    assert usage[2].cpu_seconds <= job.seconds / 4
