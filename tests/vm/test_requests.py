from __future__ import annotations

import math
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bioxen.chassis import find_chassis
from bioxen.chassis.registry import read_chassis
from bioxen.errors import ConfigurationError, ValidationError
from bioxen.protocol.cells import Delta
from bioxen.protocol.processes import PROCESSES, find_process
from bioxen.vm.requests import VmContext, build_request


def built(code: str, fields: dict[str, Any] | None = None, **cell: Any) -> dict[str, Any]:
    process = find_process(code)
    assert process is not None
    chassis = cell.pop("chassis", None) or find_chassis("ecoli")
    context = VmContext(vm_id="cell-1", chassis=chassis, fields=fields or {}, **cell)
    return build_request(process, code, context).model_dump(exclude_defaults=True)


def test_a_plain_cell_names_chassis_model_and_itself() -> None:
    assert built("flux_balance_analysis") == {
        "process_code": "flux_balance_analysis",
        "vm_id": "cell-1",
        "model": "textbook",
    }


MINIMAL: dict[str, dict[str, Any]] = {
    "metabolic_batch": {"variants": [{}]},
    "metabolic_production_envelope": {"reactions": ["EX_o2_e"]},
    "metabolic_phase_plane": {"reactions": ["EX_o2_e", "PGI"]},
    "metabolic_robustness": {"reaction": "EX_o2_e"},
    "kinetic_parameter_estimation": {
        "measured_times": [0.0, 1.0],
        "measurements": {"S": [1.0, None]},
        "estimate": {"k": {"lower": 0.0, "upper": 1.0}},
    },
    "kinetic_batch": {"variants": [{"parameters": {"k": 1.0}}]},
    "kinetic_ensemble": {"method": "ssa"},
    "kinetic_scan": {"axes": {"k": {"values": [1.0]}}},
    "kinetic_sobol": {"factors": {name: {"lower": 0.0, "upper": 1.0} for name in "jk"}},
    "kinetic_morris": {"factors": {"k": {"lower": 0.0, "upper": 1.0}}},
    "kinetic_continuation": {"parameter": "k", "lower": 0.0, "upper": 1.0},
    "kinetic_petab": {
        f"{name}_table": "x" for name in ("parameter", "condition", "measurement", "observable")
    },
}


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.code)
def test_every_process_can_be_asked_by_an_edited_cell(process: Any) -> None:
    delta = Delta(
        gene_knockouts=["b0002"],
        reaction_knockouts=["PFK"],
        medium={"EX_glc__D_e": 5.0},
        constraints={"PGI": (0.0, 1.0)},
        parameters={"k": 1.0},
        initial_conditions={"S": 2.0},
    )
    fields = built(process.code, MINIMAL.get(process.code), delta=delta)
    if process.service == "static":
        assert fields["gene_knockouts"] == ["b0002"]
        assert fields["medium"] == {"EX_glc__D_e": 5.0}
        assert "parameters" not in fields
    else:
        assert fields["parameters"] == {"k": 1.0}
        assert fields["initial_conditions"] == {"S": 2.0}
        assert "gene_knockouts" not in fields


def test_the_context_wins_key_by_key_and_knockouts_add_up() -> None:
    delta = Delta(
        constraints={"A": (0.0, 1.0), "B": (0.0, 1.0)},
        gene_knockouts=["b1", "b2"],
        medium={"EX_a": 1.0, "EX_b": 1.0},
    )
    context = {
        "constraints": {"B": (-math.inf, 2.0)},
        "gene_knockouts": ("b2", "b3"),
        "medium": {"EX_c": 1.0},
    }
    fields = built("metabolic_fba", context, delta=delta)
    assert fields["constraints"] == {"A": (0.0, 1.0), "B": (None, 2.0)}
    assert fields["gene_knockouts"] == ["b1", "b2", "b3"]
    assert fields["medium"] == {"EX_c": 1.0}
    assert delta.gene_knockouts == ["b1", "b2"]


def test_an_amount_and_a_concentration_of_one_species_are_one_setting() -> None:
    delta = Delta(initial_conditions={"S": 1.0, "T": 2.0})
    fields = built("kinetic_ode", {"initial_conditions": {"[S]": 3.0}}, delta=delta)
    assert fields["initial_conditions"] == {"T": 2.0, "[S]": 3.0}


@pytest.mark.parametrize("given", [{"sbml": "<sbml/>"}, {"model": "iML1515"}, {"cobra_json": "{}"}])
def test_a_model_of_the_context_replaces_the_cells(given: dict[str, str]) -> None:
    fields = built("metabolic_fba", given, model="e_coli_core")
    assert {key: fields.get(key) for key in given} == given
    assert len({"model", "sbml", "cobra_json"} & set(fields)) == 1


def test_the_cells_own_model_comes_before_the_chassis() -> None:
    assert built("metabolic_fba", model="iML1515")["model"] == "iML1515"
    assert built("kinetic_ode", kinetic_model="lac")["model"] == "lac"


def test_an_empty_medium_closes_every_exchange() -> None:
    assert built("metabolic_fba", delta=Delta(medium={}))["medium"] == {}
    assert "medium" not in built("metabolic_fba", delta=Delta(gene_knockouts=["b0001"]))


def test_gene_expression_has_a_program_of_its_own() -> None:
    assert built("kinetic_gene_expression", kinetic_model="glycolysis")["model"] == "gene_expression"
    assert "model" not in built("kinetic_gene_expression", {"kinetic_code": "S -> ; k*S"})


def test_each_cell_has_its_own_seed() -> None:
    assert built("kinetic_ssa")["seed"] == zlib.crc32(b"cell-1")
    assert built("kinetic_ssa", delta=Delta(seed=7))["seed"] == 7
    assert built("kinetic_ssa", {"seed": 8}, delta=Delta(seed=7))["seed"] == 8


def test_an_unknown_field_gets_near_matches() -> None:
    with pytest.raises(ValidationError, match="Did you mean constraints"):
        built("metabolic_fba", {"constraint": {}})
    with pytest.raises(ValidationError, match="there is no such field"):
        built("kinetic_ode", {"gene_knockouts": ["b0002"]})


@pytest.mark.parametrize("name", ["vm_id", "process_code", "chassis_type"])
def test_a_context_cannot_speak_for_another_cell(name: str) -> None:
    with pytest.raises(ValidationError, match="belongs to the cell"):
        built("metabolic_fba", {name: "other"})


@pytest.mark.parametrize(
    "wrong",
    [{"gene_knockouts": "b0002"}, {"constraints": [1]}, {"constraints": None}, {"medium": {"EX": -1.0}}],
)
def test_malformed_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        built("metabolic_fba", wrong, delta=Delta(gene_knockouts=["b1"], constraints={"A": (0.0, 1.0)}))


def test_a_chassis_of_another_package_is_known_by_its_model() -> None:
    toml = 'biological_type = "candida"\norganism = "C"\nsummary = "S"\ndefault_model = "iFC1"'
    fields = built("metabolic_fba", chassis=read_chassis("candida", toml))
    assert (fields["chassis_type"], fields["model"]) == ("base", "iFC1")


def test_a_mapping_stands_for_a_cell() -> None:
    cell = VmContext.of({"vm_id": "x", "chassis_type": "yeast", "objective": "ATPM"})
    assert (cell.vm_id, cell.chassis.biological_type, cell.mode) == ("x", "yeast", "hybrid")
    assert cell.fields == {"objective": "ATPM"}
    with pytest.raises(ConfigurationError, match="Did you mean real"):
        VmContext.of({"execution_mode": "reel"})


def test_arrays_and_scalars_of_numpy_are_numbers_and_lists() -> None:
    fit = find_process("kinetic_parameter_estimation")
    assert fit is not None
    given: dict[str, Any] = {
        "measured_times": [1.0, 2.0],
        "measurements": {"A": [3.0, 4.0]},
        "estimate": {"k": {"lower": 1.0, "upper": 2.0}},
        "starts": 3,
    }
    arrays = {
        **given,
        "measured_times": np.array([1.0, 2.0]),
        "measurements": {"A": np.array([3, 4])},
        "starts": np.int64(3),
    }
    cell = VmContext(vm_id="a", chassis=find_chassis("ecoli"), fields=given)
    same = build_request(fit, "kinetic_parameter_estimation", replace(cell, fields=arrays))
    assert same == build_request(fit, "kinetic_parameter_estimation", cell)
    with pytest.raises(ValidationError) as caught:
        build_request(
            fit, "kinetic_parameter_estimation", replace(cell, fields={**arrays, "starts": np.float64(2.5)})
        )
    assert caught.value.place == "starts"


def test_knockouts_of_an_array_add_up_too() -> None:
    fba = find_process("metabolic_fba")
    assert fba is not None
    cell = VmContext(
        vm_id="a",
        chassis=find_chassis("ecoli"),
        delta=Delta(gene_knockouts=["b1"]),
        fields={"gene_knockouts": np.array(["b2"])},
    )
    assert build_request(fba, "metabolic_fba", cell).model_dump()["gene_knockouts"] == ["b1", "b2"]


@pytest.mark.parametrize("context", ["time_end=3", ["time_end"], 3])
def test_a_context_is_a_mapping(context: Any) -> None:
    with pytest.raises(ValidationError, match="not a mapping") as caught:
        VmContext(vm_id="a", chassis=find_chassis("ecoli"), fields=context)
    assert caught.value.place == "context"
