"""The shipped kinetic programs: references, and the behaviour each was published for."""

from typing import Any

import antimony
import numpy as np
import numpy.typing as npt
import pytest
from roadrunner import RoadRunner
from tests.server.bytecode.shipped import content, of_kind, programs

Array = npt.NDArray[np.float64]
TWO_STAGE = [name for name in of_kind("kinetic") if name.endswith("gene_expression")]


def runner(name: str) -> Any:
    """A fresh simulator of a program, with tight tolerances."""
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(content(name).decode()) >= 0, antimony.getLastError()
    simulator = RoadRunner(antimony.getSBMLString(name))
    simulator.integrator.relative_tolerance = 1e-10
    simulator.integrator.absolute_tolerance = 1e-12
    return simulator


def course(simulator: Any, end: float, points: int) -> dict[str, Array]:
    """Trajectories by species, with `time`."""
    result = simulator.simulate(0, end, points)
    table = np.asarray(result, dtype=np.float64)
    return {column.strip("[]"): table[:, index] for index, column in enumerate(result.colnames)}


def period(time: Array, values: Array) -> float:
    """Mean time between upward crossings of the middle."""
    middle = (values.max() + values.min()) / 2
    before = np.flatnonzero((values[:-1] < middle) & (values[1:] >= middle))
    share = (middle - values[before]) / (values[before + 1] - values[before])
    crossings = time[before] + share * (time[before + 1] - time[before])
    return float(np.diff(crossings).mean())


@pytest.mark.parametrize("name", of_kind("kinetic"))
def test_the_reference_end_state_is_reproduced(name: str) -> None:
    reference = programs()[name]["reference"]
    end = course(runner(name), reference["time_end"], reference["time_points"])
    found = {species: values[-1] for species, values in end.items() if species != "time"}
    assert found == pytest.approx(reference["final"], rel=reference["tolerance"])


@pytest.mark.parametrize("name", TWO_STAGE)
def test_two_stage_expression_settles_at_the_analytic_mean(name: str) -> None:
    simulator = runner(name)
    k_tx, d_m, k_tl, d_p = (simulator[key] for key in ("k_tx", "d_m", "k_tl", "d_p"))
    end = course(simulator, 40.0 / d_p, 11)
    assert end["mrna"][-1] == pytest.approx(k_tx / d_m)
    assert end["protein"][-1] == pytest.approx(k_tx / d_m * k_tl / d_p)


def test_stochastic_expression_has_the_analytic_mean_and_noise() -> None:
    simulator = runner("gene_expression")
    simulator.setIntegrator("gillespie")
    simulator.integrator.variable_step_size = False
    simulator.integrator.seed = 20240101
    settled = 500  # min, ten protein lifetimes
    protein = course(simulator, 200_000, 40_001)["protein"][settled // 5 :]
    burst, ratio = 2.0 / 0.2, 0.02 / 0.2
    fano = 1 + burst / (1 + ratio)
    # 4000 protein lifetimes of 50 min: about 2000 independent samples
    assert protein.mean() == pytest.approx(250.0, rel=0.03)
    assert protein.var() / protein.mean() == pytest.approx(fano, rel=0.12)


def test_the_repressilator_has_the_published_period() -> None:
    run = course(runner("repressilator"), 2000, 20_001)
    settled = run["time"] > 1000
    for protein in ("px", "py", "pz"):
        assert period(run["time"][settled], run[protein][settled]) == pytest.approx(125.35, abs=0.05)


def test_the_toggle_switch_has_two_stable_states_and_can_be_flipped() -> None:
    simulator = runner("toggle_switch")
    high_u = course(simulator, 50, 51)
    simulator.reset()
    simulator["v"] = 20.0
    high_v = course(simulator, 50, 51)
    assert high_u["u"][-1] > 100
    assert high_u["v"][-1] < 1
    assert high_v["v"][-1] > 10
    assert high_v["u"][-1] < 1
    simulator.resetAll()
    simulator["IPTG"] = 1e-3
    assert course(simulator, 50, 51)["v"][-1] > 10


def test_glycolysis_oscillates_about_once_a_minute() -> None:
    run = course(runner("glycolysis"), 60, 60_001)
    late = run["time"] > 30
    assert period(run["time"][late], run["nadh"][late]) == pytest.approx(1.168, abs=0.005)
    earlier = (run["time"] > 20) & (run["time"] <= 40)
    assert np.ptp(run["nadh"][late]) == pytest.approx(np.ptp(run["nadh"][earlier]), rel=0.01)


@pytest.mark.parametrize("name", [*TWO_STAGE, "repressilator"])
def test_programs_for_molecule_counts_run_stochastically(name: str) -> None:
    simulator = runner(name)
    simulator.setIntegrator("gillespie")
    simulator.integrator.variable_step_size = False
    simulator.integrator.seed = 7
    run = course(simulator, 60, 61)
    for species, counts in run.items():
        if species != "time":
            assert np.all(counts >= 0)
            assert np.all(counts == np.round(counts))
