"""Kernels of accelerated processes: the same numbers on other devices, and how fast each was measured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bioxen.errors import ConfigurationError
from bioxen.server.accelerators.detect import AcceleratorType

REPEATS = 5
"""Runs of each kernel in a measurement, interleaved; the medians are compared."""

Compute = Callable[[Any], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Kernel:
    """One way to compute a type of process on one kind of device."""

    process_type: str
    accelerator: AcceleratorType
    compute: Compute
    """data → numbers; the CPU's kernel is the reference for all others."""


class Kernels:
    """The kernels that are known, and their scores: the speed relative to the CPU's."""

    def __init__(self) -> None:
        self._kernels: dict[tuple[str, AcceleratorType], Kernel] = {}
        self._scores: dict[tuple[str, AcceleratorType], float] = {}

    def add(self, kernel: Kernel) -> None:
        """Take a kernel in; what was measured of one in its place is forgotten."""
        self._kernels[kernel.process_type, kernel.accelerator] = kernel
        self._scores.pop((kernel.process_type, kernel.accelerator), None)

    def measured(self, process_type: str, accelerator: AcceleratorType) -> bool:
        """Return whether there is a measurement."""
        return (process_type, accelerator) in self._scores

    def score(self, process_type: str, accelerator: AcceleratorType) -> float:
        """Return the speed relative to the CPU, which is 1 by definition; 0 where nothing was measured."""
        if accelerator is AcceleratorType.CPU:
            return 1.0
        return self._scores.get((process_type, accelerator), 0.0)

    def measure(
        self, process_type: str, data: Any, here: Container[AcceleratorType], tolerance: float
    ) -> Iterable[AcceleratorType]:
        """Measure every kernel of `process_type` whose device is `here`; return the devices.

        A device whose answer differs from the CPU's by more than `tolerance` scores 0.

        Raises:
            ConfigurationError: the type has no kernel for the CPU to compare with.
        """
        kernels = self._runnable(process_type, here)
        if AcceleratorType.CPU not in kernels:
            raise ConfigurationError(f"{process_type} has no CPU kernel, so nothing to measure against.")
        reference = kernels[AcceleratorType.CPU].compute(data)
        times: dict[AcceleratorType, list[float]] = {kind: [] for kind in kernels}
        for _ in range(REPEATS):
            for kind, kernel in kernels.items():
                times[kind].append(_seconds(kernel.compute, data))
        cpu = median(times[AcceleratorType.CPU])
        for kind, kernel in kernels.items():
            agrees = _agree(reference, kernel.compute(data), tolerance)
            self._scores[process_type, kind] = cpu / median(times[kind]) if agrees else 0.0
        return kernels

    def _runnable(self, process_type: str, here: Container[AcceleratorType]) -> dict[AcceleratorType, Kernel]:
        return {
            kind: kernel
            for (known, kind), kernel in self._kernels.items()
            if known == process_type and kind in here
        }


def _seconds(compute: Compute, data: Any) -> float:
    start = time.perf_counter()
    compute(data)
    return time.perf_counter() - start


def _agree(reference: Sequence[float], answer: Sequence[float], tolerance: float) -> bool:
    return len(reference) == len(answer) and all(
        math.isclose(want, got, rel_tol=tolerance, abs_tol=tolerance)
        for want, got in zip(reference, answer, strict=True)
    )
