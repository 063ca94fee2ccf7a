from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import httpx2
import pytest
from tests.vm.doubles import FakeServices, metabolic_answer

import bioxen
from bioxen.errors import (
    ConfigurationError,
    MissingModuleError,
    OverloadError,
    ServiceUnavailableError,
    VmCreationError,
    VmNotFoundError,
    VmStateError,
)
from bioxen.vm import hosts
from bioxen.vm.cache import MAX_RESULTS, ResultCache
from bioxen.vm.cell import BiologicalVM
from bioxen.vm.config import LOCAL_SERVICES, ServiceUrls
from bioxen.vm.factory import create_bio_vm
from bioxen.vm.hypervisor import BioXenHypervisor
from bioxen.vm.routers import shared_router


@pytest.fixture
def hypervisor(services: FakeServices) -> Iterator[BioXenHypervisor]:
    with BioXenHypervisor(services.client()) as running:
        yield running


def running_cell(
    hypervisor: BioXenHypervisor, vm_id: str = "a", vm_type: str = "enhanced", **config: Any
) -> BiologicalVM:
    cell = hypervisor.create_vm(vm_id, "ecoli", vm_type, config)
    cell.start()
    return cell


def test_cells_are_registered_found_and_forgotten(hypervisor: BioXenHypervisor) -> None:
    cell = hypervisor.create_vm("cell-1")
    assert hypervisor.get_vm("cell-1") is cell
    assert "cell-1" in hypervisor
    assert [status.vm_id for status in hypervisor.list_vms()] == ["cell-1"]
    with pytest.raises(VmCreationError, match="registered already"):
        hypervisor.create_vm("cell-1")
    with pytest.raises(VmNotFoundError, match="Did you mean cell-1"):
        hypervisor.get_vm("cel-1")
    with pytest.raises(VmCreationError, match="held by a hypervisor"):
        BioXenHypervisor().register_vm(cell)
    hypervisor.destroy_vm("cell-1")
    assert len(hypervisor) == 0
    with pytest.raises(VmStateError):
        hypervisor.register_vm(cell)
    assert len(hypervisor) == 0


def test_a_cell_that_destroys_itself_is_forgotten(hypervisor: BioXenHypervisor) -> None:
    cell = hypervisor.create_vm("a", config={"resources": {"ribosomes": 5}})
    cell.destroy()
    assert "a" not in hypervisor
    assert hypervisor.resources_left()["ribosomes"] == hypervisor.capacity.ribosomes
    hypervisor.create_vm("a")


def test_a_removed_cell_lives_on(hypervisor: BioXenHypervisor) -> None:
    cell = running_cell(hypervisor)
    assert hypervisor.remove_vm("a") is cell
    assert cell.state == "running"
    hypervisor.register_vm(cell)


def test_cells_of_one_hypervisor_share_a_client(hypervisor: BioXenHypervisor, services: FakeServices) -> None:
    for name in "ab":
        running_cell(hypervisor, name)
        result = hypervisor.execute_process(name, "metabolic_fba", {"objective": "ATPM"})
        assert result["vm_id"] == name
    assert [request["vm_id"] for request in services.requests] == ["a", "b"]
    assert services.requests[0]["objective"] == "ATPM"
    with pytest.raises(VmNotFoundError):
        hypervisor.execute_process("c", "metabolic_fba")


def test_own_urls_win_over_the_hypervisors_client(
    hypervisor: BioXenHypervisor, services: FakeServices
) -> None:
    cell = running_cell(hypervisor, computation_service_urls={"static": "http://127.0.0.1:9"})
    assert "127.0.0.1:9" in str(cell.execute_biological_process("metabolic_fba").reason)
    assert services.paths == []
    status = cell.get_computation_service_status()
    assert status.computation_service_urls == {"static": "http://127.0.0.1:9"}
    assert status.service_health == {"static": "unreachable"}
    assert status.vm_computation_mode == "service_client"


def test_cells_without_a_hypervisor_share_clients_too() -> None:
    urls = ServiceUrls("http://127.0.0.1:9", None, None)
    assert shared_router(urls) is not shared_router(LOCAL_SERVICES)
    router = shared_router(urls)
    assert shared_router(urls) is router
    cell = create_bio_vm("a", "ecoli", config={"computation_service_urls": {"static": "http://127.0.0.1:9"}})
    cell.start()
    assert cell.execute_biological_process("metabolic_fba").symbolic
    cell.enable_enhanced_execution("real")
    with pytest.raises(ServiceUnavailableError):
        cell.execute_biological_process("metabolic_fba")


def test_a_cell_that_does_not_run_is_refused(hypervisor: BioXenHypervisor) -> None:
    cell = hypervisor.create_vm("a")
    with pytest.raises(VmStateError, match=r"start\(\)"):
        hypervisor.execute_process("a", "metabolic_fba")
    cell.start()
    cell.pause()
    with pytest.raises(VmStateError, match=r"resume\(\)"):
        hypervisor.execute_process("a", "metabolic_fba")


def test_the_mode_of_all_cells(hypervisor: BioXenHypervisor, services: FakeServices) -> None:
    before = running_cell(hypervisor, "a", "basic")
    hypervisor.set_execution_mode("real")
    after = running_cell(hypervisor, "b", "basic")
    for cell in (before, after):
        assert cell.get_execution_mode() == "real"
        assert not cell.execute_biological_process("metabolic_fba").symbolic
    hypervisor.set_execution_mode("symbolic")
    assert hypervisor.execute_process("a", "metabolic_fba").symbolic
    with pytest.raises(ConfigurationError):
        hypervisor.set_execution_mode("quick")
    assert hypervisor.service_status().vm_computation_mode == "symbolic_only"
    assert hypervisor.service_status().service_health == dict.fromkeys(
        ("static", "dynamic", "tools"), "unreachable"
    )


def test_cleanup_ends_everything_and_can_begin_again(services: FakeServices) -> None:
    hypervisor = BioXenHypervisor(services.client())
    cell = running_cell(hypervisor)
    cell.execute_biological_process("metabolic_fba")
    hypervisor.cleanup()
    hypervisor.cleanup()
    assert cell.state == "destroyed"
    assert not running_cell(hypervisor).execute_biological_process("metabolic_fba").symbolic


# Caching.


def test_the_same_question_is_asked_once(hypervisor: BioXenHypervisor, services: FakeServices) -> None:
    cell = running_cell(hypervisor)
    first = cell.execute_biological_process("metabolic_fba")
    second = cell.execute_biological_process("metabolic_fba")
    assert (first["cache_hit"], second["cache_hit"]) == (False, True)
    assert second.service_results == first.service_results
    assert second.execution_time != first.execution_time
    assert len(services.requests) == 1
    assert cell.get_status().cache_hits == 1


def test_a_caller_cannot_change_the_cache(hypervisor: BioXenHypervisor) -> None:
    cell = running_cell(hypervisor)
    for _ in range(3):
        results = cell.execute_biological_process("metabolic_fba").service_results
        assert results is not None
        assert results["flux_state"]["EX_glc__D_e"] == -10.0
        results["flux_state"].clear()


def test_an_edit_is_another_question(hypervisor: BioXenHypervisor, services: FakeServices) -> None:
    cell = running_cell(hypervisor)
    cell.execute_biological_process("metabolic_fba")
    cell.knock_out_genes("b0002")
    assert not cell.execute_biological_process("metabolic_fba").cache_hit
    cell.reset_delta()
    assert cell.execute_biological_process("metabolic_fba").cache_hit
    assert not cell.execute_biological_process("metabolic_fba", {"objective": "ATPM"}).cache_hit
    assert cell.execute_biological_process("metabolic_fba", {"deadline": 5.0}).cache_hit
    assert len(services.requests) == 3


def test_only_computed_results_are_cached(hypervisor: BioXenHypervisor, services: FakeServices) -> None:
    cell = running_cell(hypervisor)
    services.fault = lambda _: httpx2.Response(502, text="down")
    assert cell.execute_biological_process("metabolic_fba").symbolic
    services.fault = None
    services.changes = {"status": "numeric"}
    assert cell.execute_biological_process("metabolic_fba").status == "failed"
    services.changes = {}
    result = cell.execute_biological_process("metabolic_fba")
    assert (result.symbolic, result.cache_hit, result.status) == (False, False, "success")


def test_lightweight_cells_cache_only_when_told(hypervisor: BioXenHypervisor) -> None:
    for vm_id, vm_type, config, hit in [
        ("a", "lightweight", {}, False),
        ("b", "lightweight", {"enable_computation_caching": True}, True),
        ("c", "enhanced", {"enable_computation_caching": False}, False),
    ]:
        cell = running_cell(hypervisor, vm_id, vm_type, **config)
        cell.execute_biological_process("metabolic_fba")
        assert cell.execute_biological_process("metabolic_fba").cache_hit is hit


def test_the_cache_is_bounded(hypervisor: BioXenHypervisor) -> None:
    cell = running_cell(hypervisor)
    for number in range(MAX_RESULTS + 5):
        cell.execute_biological_process("metabolic_fba", {"objective": f"R{number}"})
    assert isinstance(cell._cache, ResultCache)
    assert len(cell._cache) == MAX_RESULTS
    assert not cell.execute_biological_process("metabolic_fba", {"objective": "R0"}).cache_hit
    used = cell.get_resource_usage().memory_used_mb
    cell.allocate_resources(memory_mb=used / 2)
    assert 0 < cell.get_resource_usage().memory_used_mb <= used / 2
    cell.allocate_resources(memory_mb=1e-6)
    assert cell.get_resource_usage().memory_used_mb == 0
    cell.execute_biological_process("metabolic_fba")
    assert len(cell._cache) == 0


# Turns.


class SlowServices(FakeServices):
    """Answers when it is let, and counts how many wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.came = threading.Semaphore(0)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.came.release()
        assert self.go.wait(60)
        return httpx2.Response(200, json=metabolic_answer({"process_code": "metabolic_fba"}))


def test_a_bounded_number_of_processes_at_once() -> None:
    services = SlowServices()
    with (
        BioXenHypervisor(services.client(), slots=1, queue_limit=0) as hypervisor,
        ThreadPoolExecutor(1) as pool,
    ):
        real = running_cell(hypervisor, "a", execution_mode="real")
        hybrid = running_cell(hypervisor, "b")
        first = pool.submit(real.execute_biological_process, "metabolic_fba")
        assert services.came.acquire(timeout=60)
        with pytest.raises(OverloadError) as caught:
            real.execute_biological_process("metabolic_pfba")
        assert caught.value.details["retry_after"] > 0
        assert "wait in the hypervisor" in str(hybrid.execute_biological_process("metabolic_fba").reason)
        services.go.set()
        assert not first.result(60).symbolic


# Where hypervisors come from.


def test_connect_asks_one_url_for_everything() -> None:
    with bioxen.connect("http://example.org:5000/") as hypervisor:
        client = hypervisor.router(None).client
        assert client is not None
        assert client.urls == dict.fromkeys(("static", "dynamic", "tools"), "http://example.org:5000")


class FakePoint:
    def __init__(self, loaded: Any) -> None:
        self.loaded = loaded

    def load(self) -> Any:
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


def test_local_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        hosts, "entry_points", lambda **_: [FakePoint(lambda **options: nullcontext(options))]
    )
    with bioxen.local(workers=2) as options:
        assert dict(options) == {"workers": 2}  # type: ignore[call-overload]  # a double's hypervisor


@pytest.mark.parametrize("points", [[], [FakePoint(ImportError("No module named 'fastapi'"))]])
def test_local_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, points: list[FakePoint]) -> None:
    monkeypatch.setattr(hosts, "entry_points", lambda **_: points)
    with pytest.raises(MissingModuleError, match=r'pip install "bioxen\[server\]"'):
        bioxen.local()
