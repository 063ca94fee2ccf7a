"""The choice of a device follows measurements, never a guess."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from bioxen.errors import ConfigurationError, UnknownProcessError
from bioxen.server.accelerators import (
    Accelerator,
    AcceleratorType,
    BioAcceleratorManager,
    Crossover,
    Kernel,
    detect,
)
from bioxen.server.accelerators.ensembles import crossover

CPU = Accelerator(AcceleratorType.CPU, "a CPU", 4)
GPU = Accelerator(AcceleratorType.GPU, "a GPU", 1, 10**9)


def squares(data: Sequence[float]) -> Sequence[float]:
    return [value * value for value in data]


def slow_squares(data: Sequence[float]) -> Sequence[float]:
    time.sleep(0.02)
    return squares(data)


def wrong_squares(data: Sequence[float]) -> Sequence[float]:
    return [value * value * (1 + 1e-6) for value in data]


def manager_with(cpu: object, gpu: object) -> BioAcceleratorManager:
    manager = BioAcceleratorManager([CPU, GPU])
    manager.register_kernel(Kernel("metabolic_modeling", AcceleratorType.CPU, cpu))  # type: ignore[arg-type]
    manager.register_kernel(Kernel("metabolic_modeling", AcceleratorType.GPU, gpu))  # type: ignore[arg-type]
    return manager


def test_the_cpu_is_always_found() -> None:
    found = detect()
    assert found[0].type is AcceleratorType.CPU
    assert found[0].units >= 1


def test_a_device_that_was_not_measured_is_not_chosen() -> None:
    manager = manager_with(slow_squares, squares)
    assert manager.get_capability_score("metabolic_modeling", AcceleratorType.GPU) == 0
    plan = manager.optimize_biological_process("metabolic_modeling", range(3))
    assert plan.accelerator is AcceleratorType.CPU


def test_a_measured_gain_is_used() -> None:
    manager = manager_with(slow_squares, squares)
    scores = manager.measure("metabolic_modeling", [1.0, 2.0])
    assert scores[AcceleratorType.GPU] > 1
    plan = manager.optimize_biological_process("metabolic_modeling", range(600))
    assert plan.accelerator is AcceleratorType.GPU
    assert [len(batch) for batch in plan.batches] == [256, 256, 88]


def test_a_measured_loss_is_not_used() -> None:
    manager = manager_with(squares, slow_squares)
    manager.measure("metabolic_modeling", [1.0, 2.0])
    plan = manager.optimize_biological_process("metabolic_modeling", range(3))
    assert plan.accelerator is AcceleratorType.CPU


def test_a_device_that_disagrees_with_the_cpu_scores_nothing() -> None:
    manager = manager_with(slow_squares, wrong_squares)
    scores = manager.measure("metabolic_modeling", [1.0, 2.0])
    assert scores[AcceleratorType.GPU] == 0


def test_a_kernel_without_its_device_is_not_measured() -> None:
    manager = BioAcceleratorManager([CPU])
    manager.register_kernel(Kernel("protein_folding", AcceleratorType.CPU, squares))
    manager.register_kernel(Kernel("protein_folding", AcceleratorType.TPU, squares))
    assert set(manager.measure("protein_folding", [1.0])) == {AcceleratorType.CPU}


def test_an_unknown_type_names_the_near_ones() -> None:
    with pytest.raises(UnknownProcessError, match="metabolic_modeling"):
        BioAcceleratorManager([CPU]).get_capability_score("metabolic_modelling")


def test_without_a_cpu_there_is_nothing_to_measure_by() -> None:
    with pytest.raises(ConfigurationError, match="CPU"):
        BioAcceleratorManager([GPU])


KNOWN = Crossover(version="", single=1e-3, lanes=1e-4, preparation=9e-2)
"""Ten times as fast, from 100 members on."""


def test_ensembles_score_by_their_crossover() -> None:
    manager = BioAcceleratorManager([CPU, GPU], lambda: KNOWN)
    assert manager.get_capability_score("kinetic_ensembles") == pytest.approx(10)
    assert manager.get_capability_score("kinetic_ensembles", AcceleratorType.GPU) == 0
    few = manager.optimize_biological_process("kinetic_ensembles", range(99))
    many = manager.optimize_biological_process("kinetic_ensembles", range(101))
    assert few.reason.startswith("one after the other")
    assert many.reason.startswith("in lanes")
    assert "100 members" in many.reason


def test_a_device_for_ensembles_is_measured_beside_the_cpu() -> None:
    manager = BioAcceleratorManager([CPU, GPU], lambda: KNOWN)
    manager.register_kernel(Kernel("kinetic_ensembles", AcceleratorType.CPU, slow_squares))
    manager.register_kernel(Kernel("kinetic_ensembles", AcceleratorType.GPU, squares))
    scores = manager.measure("kinetic_ensembles", [1.0])
    assert scores[AcceleratorType.GPU] > scores[AcceleratorType.CPU] == pytest.approx(10)
    plan = manager.optimize_biological_process("kinetic_ensembles", range(10))
    assert plan.accelerator is AcceleratorType.GPU


def test_a_crossover_is_measured_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "measurements"
    kept.mkdir(mode=0o700)
    monkeypatch.setattr("bioxen.server.accelerators.ensembles.cache_folder", lambda *_: kept)
    found = crossover()
    assert found.speed > 1
    assert 0 < found.members < float("inf")
    assert crossover() == found
