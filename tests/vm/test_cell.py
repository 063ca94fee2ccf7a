from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

import bioxen
from bioxen.errors import (
    BioXenException,
    ChassisError,
    ConfigurationError,
    ValidationError,
    VmCreationError,
    VmStateError,
)
from bioxen.vm.cell import BasicBiologicalVM, BiologicalVM, EnhancedBiologicalVM, LightweightBiologicalVM
from bioxen.vm.factory import create_bio_vm, create_enhanced_bio_vm, get_supported_vm_types


def test_the_three_types() -> None:
    assert get_supported_vm_types() == ["basic", "lightweight", "enhanced"]
    classes = (BasicBiologicalVM, LightweightBiologicalVM, EnhancedBiologicalVM)
    modes = ("symbolic", "hybrid", "hybrid")
    for name, vm_class, mode in zip(get_supported_vm_types(), classes, modes, strict=True):
        cell = create_bio_vm("cell-1", "ecoli", name)
        assert type(cell) is vm_class
        assert isinstance(cell, BiologicalVM)
        assert (cell.vm_type, cell.get_execution_mode(), cell.state) == (name, mode, "created")


@pytest.mark.parametrize("vm_id", ["", "a b", "a/b", "x" * 129, "ü", 7, None, "a\n"])
def test_a_bad_id_is_refused(vm_id: Any) -> None:
    with pytest.raises(VmCreationError, match="cannot be the id"):
        create_bio_vm(vm_id, "ecoli")


def test_bad_types_are_refused_with_near_matches() -> None:
    with pytest.raises(VmCreationError, match="Did you mean lightweight"):
        create_bio_vm("a", "ecoli", "lightwait")
    with pytest.raises(VmCreationError, match=r"XCP-ng hosts are not supported.*Choose basic"):
        create_bio_vm("a", "ecoli", "xcpng")
    with pytest.raises(ChassisError, match="Did you mean yeast"):
        create_bio_vm("a", "yest")
    with pytest.raises(ValidationError, match="Did you mean computation_service_urls"):
        create_bio_vm("a", "ecoli", config={"computation_service_url": {}})


def test_generic_is_base() -> None:
    assert create_bio_vm("a", "generic").biological_type == "base"


@pytest.mark.parametrize("name", ["enable_service_computation", "enable_execution_modal"])
def test_both_names_of_the_setting(name: str) -> None:
    assert create_bio_vm("a", "ecoli", config={name: True}).get_execution_mode() == "hybrid"
    assert create_bio_vm("a", "ecoli", "enhanced", {name: False}).get_execution_mode() == "symbolic"


def test_contradictions_are_refused() -> None:
    both = {"enable_service_computation": True, "enable_execution_modal": False}
    with pytest.raises(ConfigurationError, match="older name"):
        create_bio_vm("a", "ecoli", config=both)
    with pytest.raises(ConfigurationError, match="needs services"):
        create_bio_vm("a", "ecoli", config={"enable_service_computation": False, "execution_mode": "real"})


def test_a_cell_with_services_off_still_runs() -> None:
    cell = create_bio_vm("a", "ecoli", "lightweight", {"enable_service_computation": False})
    cell.start()
    result = cell.execute_biological_process("flux_balance_analysis")
    assert result["status"] == "success"
    assert result["symbolic"]
    status = cell.get_computation_service_status()
    assert (status.service_based, status.vm_computation_mode) == (False, "symbolic_only")
    assert status.service_health == {}


def test_enhanced_cells() -> None:
    for vm_type in get_supported_vm_types():
        assert isinstance(create_enhanced_bio_vm("a", "yeast", vm_type), EnhancedBiologicalVM)
    assert create_enhanced_bio_vm("a", "yeast", enhanced_execution=False).get_execution_mode() == "symbolic"
    with pytest.raises(VmCreationError):
        create_enhanced_bio_vm("a", "yeast", "xcpng")


def test_modes() -> None:
    cell = create_bio_vm("a", "ecoli")
    cell.enable_enhanced_execution()
    assert cell.get_execution_mode() == "hybrid"
    cell.enable_enhanced_execution("real")
    assert cell.get_execution_mode() == "real"
    cell.enable_symbolic_execution()
    assert cell.get_execution_mode() == "symbolic"
    with pytest.raises(ConfigurationError, match="Did you mean hybrid"):
        cell.enable_enhanced_execution("hibrid")  # type: ignore[arg-type]  # the point of the test
    cell.destroy()
    with pytest.raises(VmStateError):
        cell.enable_enhanced_execution()


def test_edits_in_cobrapys_words() -> None:
    cell = create_bio_vm("a", "ecoli", config={"delta": {"seed": 3}})
    cell.knock_out_genes("b0002", "b0003")
    cell.knock_out_genes("b0002")
    cell.knock_out_reactions("PFK")
    cell.set_medium({"EX_glc__D_e": 10})
    cell.set_bounds("PGI", 0.0, None)
    cell.set_bounds("PGI", float("-inf"), 5.0)
    cell.set_parameters({"k1": 1.0}, k2=2.0)
    cell.set_initial_conditions({"[S]": 1.0}, P=0.0)
    assert cell.delta.model_dump() == {
        "gene_knockouts": ["b0002", "b0003"],
        "reaction_knockouts": ["PFK"],
        "medium": {"EX_glc__D_e": 10.0},
        "constraints": {"PGI": (None, 5.0)},
        "parameters": {"k1": 1.0, "k2": 2.0},
        "initial_conditions": {"[S]": 1.0, "P": 0.0},
        "seed": 3,
    }
    cell.delta.gene_knockouts.clear()
    assert cell.delta.gene_knockouts == ["b0002", "b0003"]
    cell.reset_delta()
    assert cell.delta == bioxen.Delta()


@pytest.mark.parametrize(
    "edit",
    [
        lambda cell: cell.set_bounds("PGI", 2.0, 1.0),
        lambda cell: cell.set_medium({"EX_glc__D_e": -1.0}),
        lambda cell: cell.set_parameters(k=float("nan")),
        lambda cell: cell.knock_out_genes(""),
        lambda cell: cell.set_delta({"gene_knockout": []}),
    ],
)
def test_a_malformed_edit_changes_nothing(edit: Any) -> None:
    cell = create_bio_vm("a", "ecoli")
    cell.knock_out_genes("b1")
    with pytest.raises(ValidationError):
        edit(cell)
    assert cell.delta == bioxen.Delta(gene_knockouts=["b1"])


def test_cells_do_not_share_their_edits() -> None:
    config = bioxen.VmConfig(delta=bioxen.Delta(gene_knockouts=["b1"]))
    first, second = (create_bio_vm(name, "ecoli", config=config) for name in "ab")
    first.knock_out_genes("b2")
    assert second.delta.gene_knockouts == ["b1"]
    assert config.delta.gene_knockouts == ["b1"]


def test_a_cell_tells_of_itself() -> None:
    cell = create_bio_vm("a", "ecoli")
    cell.start()
    cell.execute_biological_process("metabolic_fba")
    status = cell.get_status()
    assert (status["state"], status["processes_executed"], status["resources"]) == ("running", 1, None)
    assert status["created_at"].endswith("+00:00")
    assert repr(cell) == "<BasicBiologicalVM 'a': ecoli, running, symbolic>"
    chassis = cell.get_chassis_config()
    chassis.medium.clear()
    assert cell.get_chassis_config()["medium"] == {"EX_glc__D_e": 10.0}


def test_a_cell_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError):
        create_bio_vm("a", "ecoli").solver = object()  # type: ignore[attr-defined]  # the point of the test


def test_a_cell_is_light() -> None:
    create_bio_vm("warm", "ecoli", "lightweight")
    tracemalloc.start()
    cells = [create_bio_vm(f"cell-{number}", "ecoli", "lightweight") for number in range(1000)]
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / len(cells) < 700


def test_errors_are_bioxen_exceptions() -> None:
    with pytest.raises(BioXenException):
        create_bio_vm("a", "nothing")
