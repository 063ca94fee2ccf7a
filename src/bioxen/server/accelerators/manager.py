"""The choice of a device, by measurement: a device nobody measured is never preferred to the CPU."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from bioxen.errors import ConfigurationError, UnknownProcessError, did_you_mean
from bioxen.server.accelerators.detect import Accelerator, AcceleratorType, detect
from bioxen.server.accelerators.ensembles import Crossover, crossover
from bioxen.server.accelerators.profiles import KINETIC_ENSEMBLES, PROFILES, OptimizationProfile

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


@dataclass(frozen=True, slots=True)
class OptimizationPlan:
    """Where and how a process should run."""

    process_type: str
    accelerator: AcceleratorType
    score: float
    """As `get_capability_score`."""
    profile: OptimizationProfile
    batches: tuple[range, ...]
    """Positions in the data that go out together."""
    reason: str


class BioAcceleratorManager:
    """Knows the devices, the kernels and the measurements, and chooses by them.

    Args:
        accelerators: the devices; detected where absent. A CPU must be among them.
        crossover: measures ensembles in lanes, or tells what was measured before.

    Raises:
        ConfigurationError: no CPU is among `accelerators`.
    """

    def __init__(
        self,
        accelerators: Sequence[Accelerator] | None = None,
        crossover: Callable[[], Crossover] = crossover,
    ) -> None:
        self.accelerators = tuple(detect() if accelerators is None else accelerators)
        if AcceleratorType.CPU not in self.available_types():
            raise ConfigurationError(
                "A CPU must be among the accelerators: it is what the others are measured by."
            )
        self._kernels: dict[tuple[str, AcceleratorType], Kernel] = {}
        self._scores: dict[tuple[str, AcceleratorType], float] = {}
        """Speed relative to the CPU."""
        self._crossover = cache(crossover)

    def available_types(self) -> frozenset[AcceleratorType]:
        """Return the kinds of device that are here."""
        return frozenset(accelerator.type for accelerator in self.accelerators)

    def register_kernel(self, kernel: Kernel) -> None:
        """Add a kernel; it is chosen only after a measurement showed a gain."""
        self.get_optimization_profile(kernel.process_type)
        self._kernels[kernel.process_type, kernel.accelerator] = kernel
        self._scores.pop((kernel.process_type, kernel.accelerator), None)

    def get_optimization_profile(self, process_type: str) -> OptimizationProfile:
        """Return the profile of `process_type`.

        Raises:
            UnknownProcessError: no such type; the near matches are named.
        """
        if process_type not in PROFILES:
            raise UnknownProcessError(
                f"There is no accelerated process type {process_type!r}.",
                details={"place": "process_type", **did_you_mean(process_type, PROFILES)},
            )
        return PROFILES[process_type]

    def get_capability_score(self, process_type: str, accelerator: AcceleratorType | None = None) -> float:
        """Return the measured speed of `process_type` relative to the CPU.

        Args:
            process_type: a type that has a profile.
            accelerator: the device; the best one for the type where absent.

        Returns:
            1 for the CPU by definition; 0 where the device is missing, has no kernel for the type, was not
            measured, or gave another answer than the CPU. Never a guess. Scores of `kinetic_ensembles` are
            relative to one request after the other: the CPU's is that of its lanes, measured at first use.
        """
        self.get_optimization_profile(process_type)
        if accelerator is None:
            return max(self.get_capability_score(process_type, kind) for kind in AcceleratorType)
        beside_cpu = self._scores.get((process_type, accelerator), 0.0)
        if accelerator is AcceleratorType.CPU:
            beside_cpu = 1.0
        if process_type != KINETIC_ENSEMBLES or beside_cpu == 0:
            return beside_cpu
        return beside_cpu * self._crossover().speed

    def measure(self, process_type: str, data: Any) -> Mapping[AcceleratorType, float]:
        """Measure every kernel of `process_type` on `data`, interleaved, and remember the scores.

        A device whose answer differs from the CPU's by more than the profile's tolerance scores 0.

        Raises:
            ConfigurationError: the type has no kernel for the CPU to compare with.
        """
        profile = self.get_optimization_profile(process_type)
        kernels = self._runnable(process_type)
        if AcceleratorType.CPU not in kernels:
            raise ConfigurationError(f"{process_type} has no CPU kernel, so nothing to measure against.")
        reference = kernels[AcceleratorType.CPU].compute(data)
        times: dict[AcceleratorType, list[float]] = {kind: [] for kind in kernels}
        for _ in range(REPEATS):
            for kind, kernel in kernels.items():
                times[kind].append(_seconds(kernel.compute, data))
        cpu = median(times[AcceleratorType.CPU])
        for kind, kernel in kernels.items():
            agrees = _agree(reference, kernel.compute(data), profile.tolerance)
            self._scores[process_type, kind] = cpu / median(times[kind]) if agrees else 0.0
        return {kind: self.get_capability_score(process_type, kind) for kind in kernels}

    def _runnable(self, process_type: str) -> dict[AcceleratorType, Kernel]:
        here = self.available_types()
        return {
            kind: kernel
            for (known, kind), kernel in self._kernels.items()
            if known == process_type and kind in here
        }

    def optimize_biological_process(self, process_type: str, data: Sequence[Any]) -> OptimizationPlan:
        """Return where `data` should be computed, and in which batches.

        Args:
            process_type: a type that has a profile.
            data: the members to compute; only their number matters here.

        Raises:
            UnknownProcessError: no such type.
        """
        profile = self.get_optimization_profile(process_type)
        scores = {kind: self.get_capability_score(process_type, kind) for kind in AcceleratorType}
        best = max(scores, key=lambda kind: scores[kind])
        cpu = scores[AcceleratorType.CPU]
        if scores[best] <= cpu:
            best, reason = AcceleratorType.CPU, "no other device was measured to be faster"
        else:
            reason = f"measured {scores[best] / cpu:.3g} times as fast as the CPU"
        if best is AcceleratorType.CPU and process_type == KINETIC_ENSEMBLES:
            reason = self._lanes_or_not(len(data))
        size = profile.batch_size
        batches = tuple(range(at, min(at + size, len(data))) for at in range(0, len(data), size))
        return OptimizationPlan(process_type, best, scores[best], profile, batches, reason)

    def _lanes_or_not(self, members: int) -> str:
        fewest = self._crossover().members
        if members < fewest:
            return f"one after the other: lanes are faster from {fewest:.0f} members on"
        return f"in lanes, which are faster from {fewest:.0f} members on"


def _seconds(compute: Compute, data: Any) -> float:
    start = time.perf_counter()
    compute(data)
    return time.perf_counter() - start


def _agree(reference: Sequence[float], answer: Sequence[float], tolerance: float) -> bool:
    return len(reference) == len(answer) and all(
        math.isclose(want, got, rel_tol=tolerance, abs_tol=tolerance)
        for want, got in zip(reference, answer, strict=True)
    )
