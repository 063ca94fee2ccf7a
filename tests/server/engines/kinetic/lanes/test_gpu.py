"""Drivers for GPUs, run on the CPU: they take the lanes' steps and draw the lanes' events.

No GPU was at hand: what only one can show was not run.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.server.engines.kinetic.lanes.fake_cuda import FakeCuda
from tests.server.engines.kinetic.models import GENE_EXPRESSION, REPRESSILATOR, run, source_of
from tests.shared_data import shared

from bioxen.errors import InvalidModelError
from bioxen.protocol.kinetic import Audit, KineticResult, Members
from bioxen.server.bytecode.source import ModelFormat
from bioxen.server.engines.kinetic import KineticEngine, loader, on_gpu
from bioxen.server.engines.kinetic.lanes.build import build
from bioxen.server.engines.kinetic.lanes.gpu import ensembles
from bioxen.server.engines.kinetic.lanes.gpu.assemble import SPAN, host_ir, ptx
from bioxen.server.engines.kinetic.lanes.gpu.device import Device
from bioxen.server.engines.kinetic.lanes.gpu.drivers import Kind, ported
from bioxen.server.engines.kinetic.lanes.gpu.machines import DeviceFailure, Host
from bioxen.server.engines.kinetic.lanes.native import Code
from bioxen.server.engines.kinetic.lanes.ode.integrate import Method, integrate
from bioxen.server.engines.kinetic.lanes.program import LaneProgram
from bioxen.server.engines.kinetic.lanes.ssa.stochastic import stochastic
from bioxen.server.engines.kinetic.lanes.uncovered import Uncovered

CHAIN = (
    "species "
    + ", ".join(f"S{i} = {10 + i}" for i in range(30))
    + "; "
    + " ".join(f"S{i} => S{i + 1}; k*S{i}^1.5/(1 + S{i});" for i in range(29))
    + " k = 0.5;"
)
"""Thirty species: too many for registers, so loops over memory stay loops."""
RISING = "species A = 1; A => ; k*A*exp(-time); k = 0.5;"
BLOWN_UP = "species A = 1; => A; k*A^2; k = 1;"


@cache
def program(text: str) -> LaneProgram:
    kind: ModelFormat = "sbml" if text.lstrip().startswith("<") else "antimony"
    return build(loader.load(source_of(text, kind)).sbml)


def members(program: LaneProgram, count: int) -> tuple[np.ndarray, np.ndarray]:
    spread = np.exp(0.1 * np.random.default_rng(3).standard_normal((count, len(program.parameters))))
    states = np.repeat(program.default_states[None], count, axis=0)
    return states, program.default_parameters * spread


@pytest.mark.parametrize("method", ["tsit5", "rodas5p"])
@pytest.mark.parametrize("text", [GENE_EXPRESSION, REPRESSILATOR, CHAIN, RISING, BLOWN_UP])
def test_a_thread_takes_the_steps_of_a_lane(text: str, method: Method) -> None:
    model, times = program(text), np.array([0.0, 0.0, 0.3, 1.7, 4.0, 10.0])
    states, parameters = members(model, 17)
    got = ensembles.integrate(Host(), model, states, parameters, times, rtol=1e-7, atol=1e-10, method=method)
    want = integrate(model, states, parameters, times, rtol=1e-7, atol=1e-10, method=method)
    assert got.status.tolist() == want.status.tolist()
    assert (got.status != 0).any() == (text is BLOWN_UP)
    assert np.abs(got.steps - want.steps).max() <= 2  # a rounding may decide whether a step is accepted
    size = np.nanmax(np.abs(want.values), axis=(0, 1))
    finished = want.status == 0
    assert np.abs((got.values - want.values)[finished] / size).max(initial=0) < 1e-9
    assert (np.isnan(got.values) == np.isnan(want.values)).all()


@pytest.mark.parametrize("model", ["BIOMD0000000003", "BIOMD0000000010"])
def test_a_thread_integrates_published_models(model: str) -> None:
    one = program(shared("kinetic", "biomodels", f"{model}.xml").read_text())
    states, parameters = members(one, 3)
    times = np.linspace(0, 20, 5)
    got = ensembles.integrate(Host(), one, states, parameters, times, rtol=1e-6, atol=1e-12)
    exact = integrate(one, states, parameters, times, rtol=1e-10, atol=1e-15, method="rodas5p")
    assert got.status.tolist() == [0, 0, 0]
    assert np.abs((got.values - exact.values) / np.abs(exact.values).max(axis=(0, 1))).max() < 1e-5


def test_steps_at_most() -> None:
    model = program(REPRESSILATOR)
    states, parameters = members(model, 2)
    found = ensembles.integrate(
        Host(), model, states, parameters, np.array([0.0, 50.0]), rtol=1e-6, atol=1e-9, max_steps=20
    )
    assert found.status.tolist() == [1, 1]
    assert (found.steps + found.rejected).tolist() == [20, 20]
    assert np.isnan(found.values[:, 1]).all()
    assert (found.values[:, 0] == states).all()


@pytest.mark.parametrize("text", [GENE_EXPRESSION, REPRESSILATOR])
def test_a_thread_draws_the_events_of_a_lane(text: str) -> None:
    model, times = program(text), np.linspace(0, 10, 11)
    states, parameters = members(model, 11)
    got = ensembles.simulate(Host(), model, states, parameters, times, seed=2**63 + 5, first_member=3)
    want = stochastic(model, states, parameters, times, seed=2**63 + 5, first_member=3)
    assert (got.values == want.values).all()
    assert got.events.tolist() == want.events.tolist()
    assert want.events.min() > 100


def test_a_trajectory_that_is_no_sample_stops_as_in_lanes() -> None:
    model, times = program("species S = 3; S => ; k; k = 1;"), np.linspace(0, 100, 3)
    states, parameters = members(model, 4)
    got = ensembles.simulate(Host(), model, states, parameters, times, seed=1)
    want = stochastic(model, states, parameters, times, seed=1)
    assert got.status.tolist() == want.status.tolist() == [5] * 4
    spent = ensembles.simulate(Host(), model, states, parameters, times, seed=1, max_events=2)
    assert spent.status.tolist() == [1] * 4
    negative = ensembles.simulate(Host(), model, states, -parameters, times, seed=1)
    assert negative.status.tolist() == [4] * 4


@pytest.mark.parametrize(
    ("text", "construct"),
    [
        ("species A = 1; A => ; k*A; k = 1; at time > 2: k = 2;", "events"),
        ("species A = 1; A => ; k*A*piecewise(1, A > 0.5, 2); k = 1;", "jump"),
        ("species A = 1; A => ; k*A*(1 + sin(time)); k = 1;", "sin"),
    ],
)
def test_what_a_gpu_does_not_run_is_refused_by_name(text: str, construct: str) -> None:
    with pytest.raises(Uncovered, match=construct):
        ensembles.check(program(text), "tsit5")


def test_a_model_too_large_is_refused() -> None:
    rates = " ".join(f"S{i}' = -k*S{i};" for i in range(900))
    with pytest.raises(Uncovered, match="900 species"):
        ensembles.check(program(f"k = 1; {rates} " + " ".join(f"S{i} = 1;" for i in range(900))), "tsit5")


@pytest.mark.parametrize("text", [GENE_EXPRESSION, REPRESSILATOR, CHAIN])
@pytest.mark.parametrize("kind", ["tsit5", "direct"])
def test_ptx_calls_nothing_that_a_gpu_has_not(text: str, kind: Kind) -> None:
    code = ptx(ported(program(text), kind).driver)
    assert ".visible .entry kernel(" in code
    defined = set(re.findall(r"\.func\s+(?:\([^)]*\)\s*)?(\w+)", code))
    assert ".extern" not in code
    called = set(re.findall(r"^\s*(\w+),\s*$", code, flags=re.MULTILINE))
    assert called <= defined | {"retval0"}


@pytest.mark.skipif(shutil.which("ptxas") is None, reason="no assembler for GPUs (ptxas) here")
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
def test_the_assembler_takes_it(architecture: str, tmp_path: Path) -> None:
    for kind, text in (
        ("tsit5", GENE_EXPRESSION),
        ("rodas5p", GENE_EXPRESSION),
        ("direct", REPRESSILATOR),
        ("tsit5", CHAIN),
    ):
        file = tmp_path / "kernel.ptx"
        file.write_text(ptx(ported(program(text), kind).driver))  # type: ignore[arg-type]
        command = ["ptxas", "-v", "-arch", architecture, str(file), "-o", os.devnull]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        spills = [int(found) for found in re.findall(r"(\d+) bytes spill", done.stderr)]
        assert spills and max(spills) == 0, done.stderr
        registers = [int(found) for found in re.findall(r"Used (\d+) registers", done.stderr)]
        assert registers and max(registers) <= 255


def kernel_of(model: LaneProgram) -> Callable[[int, list[int]], None]:
    """Return the integrator of `model` as a launch runs it."""
    code = Code(host_ir(ported(model, "tsit5").driver), [SPAN])
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 10)(code.addresses[SPAN])

    def launch(count: int, arguments: list[int]) -> None:
        assert code.addresses  # keeps the code alive
        function(count, *arguments)

    return launch


def some(machine: Device | Host, count: int = 200) -> np.ndarray:
    model = program(GENE_EXPRESSION)
    states, parameters = members(model, count)
    times = np.array([0.0, 1.0, 10.0])
    return ensembles.integrate(machine, model, states, parameters, times, rtol=1e-6, atol=1e-9).values


def test_a_launch_hands_over_and_fetches_everything() -> None:
    cuda = FakeCuda(kernel_of(program(GENE_EXPRESSION)))
    device = Device(cuda)
    assert device.name == "Pretended GPU, CUDA driver 12.8"
    assert (some(device) == some(Host())).all()
    some(device)
    assert cuda.launched == [200, 200]
    assert len(cuda.modules) == 1  # the kernel stays loaded
    assert cuda.held == 0
    assert cuda.calls.index("cuCtxSynchronize") < cuda.calls.index("cuMemcpyDtoH")


def test_out_of_memory_halves_the_batch() -> None:
    cuda = FakeCuda(kernel_of(program(GENE_EXPRESSION)), room=8_000)
    assert (some(Device(cuda)) == some(Host())).all()
    assert cuda.launched == [50] * 4
    assert cuda.held == 0


def test_no_room_at_all_is_a_failure_of_the_device() -> None:
    cuda = FakeCuda(kernel_of(program(GENE_EXPRESSION)), room=1_000)
    with pytest.raises(DeviceFailure, match="out of memory even for 25 members"):
        some(Device(cuda))
    assert cuda.held == 0


def test_no_device_is_a_failure() -> None:
    with pytest.raises(DeviceFailure, match="no GPU"):
        Device(FakeCuda(devices=0))
    with pytest.raises(DeviceFailure, match="cuInit failed: 100"):
        Device(FakeCuda(failing={"cuInit": 100}))


@pytest.mark.parametrize("call", ["cuModuleLoadData", "cuMemcpyHtoD", "cuLaunchKernel", "cuCtxSynchronize"])
def test_every_code_is_looked_at_and_a_broken_context_is_left_alone(call: str) -> None:
    cuda = FakeCuda(kernel_of(program(GENE_EXPRESSION)), failing={call: 700})
    device = Device(cuda)
    with pytest.raises(DeviceFailure, match=f"{call} failed: 700"):
        some(device)
    asked = len(cuda.calls)
    with pytest.raises(DeviceFailure, match=f"{call} failed: 700"):
        some(device)
    assert len(cuda.calls) == asked


STUDY = {
    "members": 70,
    "distributions": {"k2": {"kind": "lognormal", "median": 1.0, "sigma": 0.2, "relative": True}},
}


def ensemble(engine: str, text: str = GENE_EXPRESSION, /, **request: object) -> KineticResult:
    return run(KineticEngine(), text, "kinetic_ensemble", engine=engine, **{**STUDY, **request})


def of(result: KineticResult) -> Members:
    assert result.members is not None
    return result.members


def test_a_study_on_a_gpu_is_audited_and_says_where_it_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(FakeCuda(kernel_of(program(GENE_EXPRESSION))))
    monkeypatch.setattr(on_gpu, "device", lambda: device)
    found, lanes = ensemble("gpu"), ensemble("lanes")
    assert found.provenance.settings["integrator"] == "gpu"
    assert found.provenance.settings["device"] == "Pretended GPU, CUDA driver 12.8"
    assert of(found).methods == {"gpu tsit5": 70}
    assert isinstance(found.audit, Audit)
    assert found.audit.members > 0
    assert found.audit.refused == 0
    got, want = (each.features.numbers for each in (of(found), of(lanes)) if each.features)
    np.testing.assert_allclose(np.array(got, float), np.array(want, float), rtol=1e-9)


def test_a_launch_has_many_blocks_and_a_part_has_the_bytes_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = FakeCuda(kernel_of(program(GENE_EXPRESSION)))
    device = Device(cuda)
    monkeypatch.setattr(on_gpu, "device", lambda: device)
    whole = of(ensemble("gpu", members=230)).features
    assert cuda.launched == [230]  # blocks have 50 members
    part = of(ensemble("gpu", members=230, part={"first": 70, "count": 100})).features
    assert cuda.launched[1] == 100
    assert sorted(cuda.launched[2:]) == [1] * len(cuda.launched[2:])  # members that the audit looks at
    assert whole is not None and part is not None
    assert (part.numbers or []) == (whole.numbers or [])[140:340]
    monkeypatch.setattr("bioxen.server.engines.kinetic.laned._ON_GPU_AT_ONCE", 2 * 4 * 120)
    cuda.launched.clear()
    assert of(ensemble("gpu", members=230)).features == whole
    assert cuda.launched == [100, 100, 30]


def test_chance_on_a_gpu_gives_the_bytes_of_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_gpu, "device", Host)
    found, lanes = (ensemble(engine, method="ssa", seed=4) for engine in ("gpu", "lanes"))
    assert of(found).methods == {"gpu direct method": 70}
    assert of(found).features == of(lanes).features


def test_without_a_gpu_the_lanes_answer_and_say_why() -> None:
    found, lanes = ensemble("gpu"), ensemble("lanes")
    if found.provenance.settings["integrator"] == "gpu":
        pytest.skip("this machine has a GPU")
    assert str(found.provenance.settings["gpu"]).startswith("not used: ")
    assert of(found) == of(lanes)


def test_a_device_that_fails_leaves_the_answer_to_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device(FakeCuda(failing={"cuLaunchKernel": 719}))
    monkeypatch.setattr(on_gpu, "device", lambda: device)
    found = ensemble("gpu")
    assert of(found).methods == {"lanes tsit5, GPU failed: cuLaunchKernel failed: 719": 70}
    assert of(found).features == of(ensemble("lanes")).features


def test_what_no_gpu_runs_is_the_lanes_and_what_they_do_not_run_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(on_gpu, "device", Host)
    found = ensemble("gpu", f"{GENE_EXPRESSION} at p > 30: k1 = 5;")
    assert found.provenance.settings["integrator"] == "lanes"
    assert found.provenance.settings["gpu"] == (
        "not used: the model has events, or rates that jump, which no GPU runs here"
    )
    wavy = ensemble("gpu", f"{GENE_EXPRESSION} x = 1; x' = sin(time);")
    assert (
        wavy.provenance.settings["gpu"] == "not used: the model has the function sin, which no GPU runs here"
    )
    with pytest.raises(InvalidModelError, match="lanes do not run"):
        ensemble("gpu", f"{GENE_EXPRESSION} at p == 1e9: k1 = 5;")


def test_a_stiff_study_takes_the_implicit_method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_gpu, "device", Host)
    found = ensemble("gpu", f"{GENE_EXPRESSION} fast = 1000; fast' = -1e6*fast;")
    assert of(found).methods == {"gpu rodas5p": 70}
    assert isinstance(found.audit, Audit)
    assert found.audit.refused == 0


def test_a_member_that_a_thread_gives_up_is_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_gpu, "device", Host)
    real = ensembles.integrate

    def gives_up(*args: object, **options: object) -> object:
        return real(*args, **options, max_steps=20)  # type: ignore[arg-type]

    monkeypatch.setattr(ensembles, "integrate", gives_up)
    found = ensemble("gpu", time_end=30)
    assert found.status == "completed"
    ways = of(found).methods
    assert ways.get("lanes tsit5, GPU stopped: too many steps", 0) > 0
    assert sum(ways.values()) == 70
