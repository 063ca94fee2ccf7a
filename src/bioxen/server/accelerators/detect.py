"""What this machine has: the CPU always, NVIDIA GPUs through NVML, TPUs through JAX where it is installed."""

from __future__ import annotations

import importlib.util
import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class AcceleratorType(StrEnum):
    """The kinds of hardware that a process can run on."""

    CPU = "cpu"
    GPU = "gpu"
    TPU = "tpu"


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One device."""

    type: AcceleratorType
    name: str
    units: int
    """Cores of a CPU; 1 for any other device."""
    memory: int | None = None
    """Bytes of the device's own memory; null for the CPU and where the driver does not tell."""


def detect() -> tuple[Accelerator, ...]:
    """Return every device of this machine, the CPU first. A missing driver means no device, not an error."""
    return (*detect_local(), *_tpus())


def detect_local() -> tuple[Accelerator, ...]:
    """Return the devices that kinetic studies may run on: the CPU and the GPUs. No large library loads."""
    return (_cpu(), *_gpus())


def _cpu() -> Accelerator:
    return Accelerator(AcceleratorType.CPU, _cpu_name(), os.cpu_count() or 1)


def _cpu_name() -> str:
    """Return the processor's own name where the system tells it, else its architecture."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name" and name.strip():
                return name.strip()
    return platform.processor() or platform.machine() or "CPU"


def _gpus() -> tuple[Accelerator, ...]:
    """Ask NVML, which makes no CUDA context, so that forked workers are free to make their own."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return ()  # no driver, or no device
    try:
        return tuple(_gpu(index) for index in range(pynvml.nvmlDeviceGetCount()))
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int) -> Accelerator:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    name = pynvml.nvmlDeviceGetName(handle)
    memory = int(pynvml.nvmlDeviceGetMemoryInfo(handle).total)
    return Accelerator(AcceleratorType.GPU, str(name), 1, memory)


def _tpus() -> tuple[Accelerator, ...]:
    if importlib.util.find_spec("jax") is None:
        return ()
    import jax

    try:
        devices = jax.devices("tpu")
    except RuntimeError:
        return ()  # JAX is installed, without a TPU
    return tuple(Accelerator(AcceleratorType.TPU, str(device.device_kind), 1) for device in devices)
