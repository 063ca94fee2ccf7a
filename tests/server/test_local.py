"""BioXen in one process: real workers, no ports, and scripts that need no guard."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import bioxen
from bioxen.errors import (
    ComputationTimeoutError,
    ConfigurationError,
    UnknownIdentifierError,
    ValidationError,
)
from bioxen.vm.hypervisor import BioXenHypervisor

ROOT = Path(__file__).parents[2]


def test_cells_of_every_chassis_grow_and_express(hypervisor: BioXenHypervisor) -> None:
    for biological_type in bioxen.get_supported_biological_types():
        cell = hypervisor.create_vm(f"of-{biological_type}", biological_type)
        cell.enable_enhanced_execution("real")
        cell.start()
        growth = cell.execute_biological_process("metabolic_fba")
        assert growth["service_results"]["status"] == "optimal"
        assert "growth rate" in growth["biological_output"]
        expression = cell.execute_biological_process("kinetic_gene_expression")
        assert expression["service_results"]["final_state"]["protein"] > 0
        assert "molecules" in expression["biological_output"]


@pytest.mark.parametrize(
    "code",
    [
        "flux_balance_analysis",
        "metabolic_fba_optimization",
        "metabolic_optimization",
        "metabolic_simulation",
        "flux_variability_analysis",
        "ode_simulation",
        "stochastic_simulation",
        "sensitivity_analysis",
        "kinetic_gene_expression",
    ],
)
def test_the_older_names_work(hypervisor: BioXenHypervisor, code: str) -> None:
    result = hypervisor.execute_process("plain", code)
    assert (result.status, result.execution_type) == ("success", "service_based_computation"), result


def test_parameter_estimation_by_its_older_name(hypervisor: BioXenHypervisor) -> None:
    result = hypervisor.execute_process(
        "plain",
        "parameter_estimation",
        {
            "kinetic_code": "species S; S = 10; J: S => ; k * S; k = 1;",
            "measured_times": [1.0, 2.0, 4.0],
            "measurements": {"[S]": [6.065307, 3.678794, 1.353353]},
            "estimate": {"k": {"lower": 0.01, "upper": 10.0}},
        },
    )
    assert result["service_results"]["estimation"]["parameters"]["k"]["value"] == pytest.approx(0.5, rel=1e-4)


def test_many_threads_share_one_hypervisor(hypervisor: BioXenHypervisor) -> None:
    def grow(uptake: int) -> float:
        bounds = {"EX_glc__D_e": [-float(uptake), 1000.0]}
        result = hypervisor.execute_process("plain", "metabolic_fba", {"constraints": bounds})
        return float(result["service_results"]["optimal_objective"])

    uptakes = [5, 10, 15] * 20
    with ThreadPoolExecutor(8) as threads:
        growths = list(threads.map(grow, uptakes))
    assert all(growth == growths[number % 3] for number, growth in enumerate(growths))
    assert growths[0] < growths[1] < growths[2]


def test_errors_are_the_same_class_as_anywhere(hypervisor: BioXenHypervisor) -> None:
    with pytest.raises(UnknownIdentifierError, match="EX_o2_e"):
        hypervisor.execute_process("plain", "metabolic_fba", {"constraints": {"EX_o2": [0, 1]}})
    with pytest.raises(ValidationError):
        hypervisor.execute_process("plain", "metabolic_fba", {"constraints": {"EX_o2_e": [1, 0]}})
    with pytest.raises(ComputationTimeoutError):  # of bounds that nobody asked for before: no answer is known
        hasty = {"model": "iJO1366", "deadline": 0.001, "constraints": {"EX_o2_e": [-9.125, 1000]}}
        hypervisor.execute_process("plain", "metabolic_fba", hasty)
    assert hypervisor.execute_process("plain", "metabolic_fba")["status"] == "success"


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import bioxen\n"
        "print('once')\n"
        "with bioxen.local(workers=1) as hypervisor:\n"
        "    cell = hypervisor.create_vm('c', 'ecoli')\n"
        "    cell.start()\n"
        "    print(cell.execute_biological_process('metabolic_fba')['biological_output'])\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=200)
    assert ran.stdout.count("once") == 1
    assert "0.8739" in ran.stdout
    assert ran.stderr == ""


@pytest.mark.parametrize("example", ["first_steps.py", "third_party_tool.py"])
def test_the_examples_run(example: str) -> None:
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / example)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""


def test_a_tool_that_is_not_there_is_named() -> None:
    with bioxen.local(workers=1, tools=["no_such_module:Tool"]) as hypervisor:
        cell = hypervisor.create_vm("c", "ecoli")
        cell.enable_enhanced_execution("real")
        cell.start()
        with pytest.raises(ConfigurationError, match="no_such_module"):
            cell.execute_biological_process("protein_translation_time")
        assert cell.execute_biological_process("metabolic_fba")["status"] == "success"


def test_a_program_that_never_closes_its_services_ends(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import bioxen, contextlib\n"
        "stack = contextlib.ExitStack()\n"
        "hypervisor = stack.enter_context(bioxen.local(workers=1))\n"
        "hypervisor.create_vm('c', 'ecoli').start()\n"
        "print(hypervisor.execute_process('c', 'metabolic_fba')['status'])\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=200)
    assert (ran.stdout, ran.stderr) == ("success\n", "")
