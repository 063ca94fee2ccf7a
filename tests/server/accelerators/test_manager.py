"""The choice of a device follows measurements, never a guess."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.server.engines.kinetic.models import run, source_of

from bioxen.errors import ConfigurationError, UnknownProcessError
from bioxen.protocol.kinetic import Route
from bioxen.server.accelerators import (
    Accelerator,
    AcceleratorType,
    BioAcceleratorManager,
    Crossover,
    Kernel,
    detect,
)
from bioxen.server.accelerators.book import Book, Subject
from bioxen.server.accelerators.ensembles import crossover
from bioxen.server.accelerators.routes import read
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.crossover import FEWEST_MEASURED, GPU_MEMBERS, route_of
from bioxen.server.engines.kinetic import KineticEngine
from bioxen.server.engines.kinetic.answer import Answer
from bioxen.server.engines.kinetic.measuring import compared, measured, typical

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


def test_a_device_may_be_named_and_an_unknown_one_is_an_error() -> None:
    """A name that is silently no device would score 0, as if it had been measured to be useless."""
    manager = BioAcceleratorManager([CPU])
    for name in ("cpu", "CPU", AcceleratorType.CPU):
        assert manager.get_capability_score("metabolic_modeling", name) == 1.0
    with pytest.raises(ConfigurationError, match=r"no kind of accelerator 'npu'.*cpu, gpu, tpu"):
        manager.get_capability_score("metabolic_modeling", "npu")


def test_without_a_cpu_there_is_nothing_to_measure_by() -> None:
    with pytest.raises(ConfigurationError, match="CPU"):
        BioAcceleratorManager([GPU])


def replace(found: Crossover, **changes: Any) -> Crossover:
    return found.model_copy(update=changes)


KNOWN = Crossover(version="", single=1e-3, lanes=1e-4, preparation=9e-2)
"""Ten times as fast, from 100 members on."""


def test_ensembles_score_by_their_crossover() -> None:
    manager = BioAcceleratorManager([CPU, GPU], lambda _: KNOWN)
    assert manager.get_capability_score("kinetic_ensembles") == pytest.approx(10)
    assert manager.get_capability_score("kinetic_ensembles", AcceleratorType.GPU) == 0
    few = manager.optimize_biological_process("kinetic_ensembles", range(99))
    many = manager.optimize_biological_process("kinetic_ensembles", range(101))
    assert few.reason.startswith("one after the other")
    assert many.reason.startswith("in lanes")
    assert "100 members" in many.reason


def test_a_device_for_ensembles_is_measured_beside_the_cpu() -> None:
    manager = BioAcceleratorManager([CPU, GPU], lambda _: KNOWN)
    manager.register_kernel(Kernel("kinetic_ensembles", AcceleratorType.CPU, slow_squares))
    manager.register_kernel(Kernel("kinetic_ensembles", AcceleratorType.GPU, squares))
    scores = manager.measure("kinetic_ensembles", [1.0])
    assert scores[AcceleratorType.GPU] > scores[AcceleratorType.CPU] == pytest.approx(10)
    plan = manager.optimize_biological_process("kinetic_ensembles", range(10))
    assert plan.accelerator is AcceleratorType.GPU


GPU_KNOWN = replace(KNOWN, gpu=1e-6, gpu_preparation=0.2, gpu_difference=1e-9)
"""A thousand times as fast as one after the other, a hundred times as the lanes."""
DECAY = source_of("species A = 10; A => ; k*A; k = 0.5;")


def test_a_gpu_scores_by_its_own_measurement_where_it_is_there() -> None:
    manager = BioAcceleratorManager([CPU, GPU], lambda _: GPU_KNOWN)
    assert manager.get_capability_score("kinetic_ensembles", AcceleratorType.GPU) == pytest.approx(1000)
    assert manager.get_capability_score("kinetic_ensembles") == pytest.approx(1000)
    alone = BioAcceleratorManager([CPU], lambda _: GPU_KNOWN)
    assert alone.get_capability_score("kinetic_ensembles", AcceleratorType.GPU) == 0


def test_a_gpu_is_planned_for_studies_as_large_as_it_was_measured_in() -> None:
    manager = BioAcceleratorManager([CPU, GPU], lambda _: GPU_KNOWN)
    small = manager.optimize_biological_process("kinetic_ensembles", range(GPU_MEMBERS - 1))
    large = manager.optimize_biological_process("kinetic_ensembles", range(GPU_MEMBERS))
    assert (small.accelerator, large.accelerator) == (AcceleratorType.CPU, AcceleratorType.GPU)
    assert small.reason.startswith("in lanes")


@pytest.mark.parametrize(
    ("found", "lanes", "gpu"),
    [
        (KNOWN, 100, None),
        (GPU_KNOWN, 100, GPU_MEMBERS),
        (replace(KNOWN, lanes=None, preparation=0.0), None, None),
        (replace(KNOWN, lanes=2e-3), None, None),
        (replace(GPU_KNOWN, gpu=2e-4), 100, None),  # faster than libRoadRunner, slower than the lanes
        (replace(GPU_KNOWN, gpu_preparation=10.09), 100, 101_011),
        (replace(KNOWN, preparation=0.0), FEWEST_MEASURED, None),  # no smaller one is measured for
    ],
)
def test_a_route_is_what_the_measurement_says(found: Crossover, lanes: int | None, gpu: int | None) -> None:
    assert route_of(found) == Route(lanes=lanes, gpu=gpu, source="measured")


def test_each_model_has_its_own_measurement() -> None:
    asked: list[str] = []

    def measure(source: ModelSource | None) -> Crossover:
        asked.append("shipped" if source is None else source.digest)
        return KNOWN if source is None else replace(KNOWN, lanes=1e-5)

    manager = BioAcceleratorManager([CPU], measure)
    for _ in range(2):
        assert manager.get_capability_score("kinetic_ensembles") == pytest.approx(10)
        assert manager.get_capability_score("kinetic_ensembles", source=DECAY) == pytest.approx(100)
    assert asked == ["shipped", DECAY.digest]


def answer(engine: str, **settings: str) -> Answer:
    """Return the answer of a study in lanes, as if it had said this of itself."""
    found = run(
        KineticEngine(),
        "species A = 10; A => ; k*A; k = 0.5;",
        "kinetic_ensemble",
        engine="lanes",
        members=4,
        distributions={"k": {"kind": "uniform", "lower": 0.4, "upper": 0.6}},
    )
    assert found.members is not None
    members = found.members.model_copy(update={"methods": {f"{engine} tsit5": 4}})
    return Answer(message="", settings=dict(settings), members=members)


def test_answers_of_a_gpu_are_compared_with_the_lanes() -> None:
    lanes, gpu = answer("lanes"), answer("gpu", integrator="gpu")
    assert compared(lanes, gpu) == (0.0, "")
    assert gpu.members is not None and gpu.members.features is not None
    numbers = [value * 1.001 for value in gpu.members.features.numbers or [] if value is not None]
    features = gpu.members.features.model_copy(update={"numbers": numbers})
    wrong = gpu.model_copy(update={"members": gpu.members.model_copy(update={"features": features})})
    difference, why_not = compared(lanes, wrong)
    assert difference == pytest.approx(1e-3)
    assert "differs by 0.001" in why_not
    nothing = features.model_copy(update={"numbers": [None] * len(numbers)})
    empty = gpu.model_copy(update={"members": gpu.members.model_copy(update={"features": nothing})})
    assert compared(lanes, empty) == (None, "the GPU and the lanes did not finish the same members")
    elsewhere = answer("lanes", integrator="gpu")
    assert compared(lanes, elsewhere) == (None, "the GPU left members to the lanes: lanes tsit5")
    assert compared(lanes, answer("lanes", gpu="not used: no GPU")) == (None, "GPU not used: no GPU")


def test_a_crossover_is_measured_once_and_kept_where_services_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOXEN_CACHE", str(tmp_path))
    found = crossover(DECAY)
    assert found.program == DECAY.digest
    assert found.lanes is not None and found.speed > 1
    assert 0 < found.members < float("inf")
    assert crossover(DECAY) == found
    book = Book()
    assert book.find(Subject(DECAY.digest, "ode", book.has_gpu)) == found
    scores = BioAcceleratorManager([CPU])
    assert scores.get_capability_score("kinetic_ensembles", source=DECAY) == found.speed
    routed = book.keep(Subject("0" * 64, "ode", book.has_gpu), replace(KNOWN, lanes=1e-5))  # by a service
    other = ModelSource("", "antimony", routed.program)
    assert scores.get_capability_score("kinetic_ensembles", source=other) == pytest.approx(100)


def test_a_model_that_the_lanes_do_not_run_is_measured_one_after_the_other() -> None:
    source = source_of("species A = 10; A => ; k*A; k = 0.5; q = 0; at A == 1e9: q = 1;")
    program = KineticEngine().compile(source)
    found = measured(program, typical(program))
    assert found.lanes is None and found.single
    assert "lanes do not run" in found.why_not
    assert route_of(found) == Route(source="measured")


def test_a_file_of_routes_is_what_was_measured(tmp_path: Path) -> None:
    file = tmp_path / "routes.json"
    manager = BioAcceleratorManager([CPU], lambda _: replace(KNOWN, preparation=9e-4 * 40))
    assert manager.write_routes(file, [DECAY]) == {DECAY.digest: Route(lanes=40, source="measured")}
    assert read(file).of(DECAY.digest, "ode") == Route(lanes=40, source="file")
    assert read(file).of(DECAY.digest, "ssa") is None


@pytest.mark.parametrize("content", ["", '{"version": "0.0.0", "routes": {}}', '{"version": 1}'])
def test_routes_that_cannot_be_taken_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "routes.json"
    file.write_text(content)
    with pytest.raises(
        ConfigurationError, match=r"routes in .* (cannot be read|were measured with BioXen 0.0.0)"
    ):
        read(file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(tmp_path / "absent.json")
