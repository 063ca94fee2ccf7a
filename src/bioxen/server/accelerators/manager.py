"""The choice of a device, by measurement: a device nobody measured is never preferred to the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioxen.errors import ConfigurationError, UnknownProcessError, did_you_mean
from bioxen.protocol.kinetic import Route
from bioxen.server.accelerators import routes
from bioxen.server.accelerators.detect import Accelerator, AcceleratorType, detect
from bioxen.server.accelerators.ensembles import crossover
from bioxen.server.accelerators.kernels import Kernel, Kernels
from bioxen.server.accelerators.profiles import KINETIC_ENSEMBLES, PROFILES, OptimizationProfile
from bioxen.server.bytecode.source import ModelSource
from bioxen.server.engines.crossover import Crossover, route_of


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
        crossover: measures ensembles of a model, or tells what was measured before.

    Raises:
        ConfigurationError: no CPU is among `accelerators`.
    """

    def __init__(
        self,
        accelerators: Sequence[Accelerator] | None = None,
        crossover: Callable[[ModelSource | None], Crossover] = crossover,
    ) -> None:
        self.accelerators = tuple(detect() if accelerators is None else accelerators)
        if AcceleratorType.CPU not in self.available_types():
            raise ConfigurationError(
                "A CPU must be among the accelerators: it is what the others are measured by."
            )
        self._kernels = Kernels()
        self._measure_crossover = crossover
        self._crossovers: dict[str, Crossover] = {}
        """Digest of a model, or "" for the shipped one, → what was measured."""

    def available_types(self) -> frozenset[AcceleratorType]:
        """Return the kinds of device that are here."""
        return frozenset(accelerator.type for accelerator in self.accelerators)

    def register_kernel(self, kernel: Kernel) -> None:
        """Add a kernel; it is chosen only after a measurement showed a gain."""
        self.get_optimization_profile(kernel.process_type)
        self._kernels.add(kernel)

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

    def crossover(self, source: ModelSource | None = None) -> Crossover:
        """Return how fast ensembles of a model run each way, as the services here route by it.

        It is measured at first use, by a service or here, and kept for both.

        Args:
            source: the model; the shipped gene expression where absent.

        Raises:
            InvalidModelError: the model cannot be loaded.
            ValidationError: nothing in the model can be varied.
        """
        key = "" if source is None else source.digest
        if key not in self._crossovers:
            self._crossovers[key] = self._measure_crossover(source)
        return self._crossovers[key]

    def write_routes(self, path: Path | str, sources: Iterable[ModelSource]) -> Mapping[str, Route]:
        """Write what was measured of models as a file that any machine can route by (`--routes FILE`).

        Args:
            path: of the file; one that is there is written anew.
            sources: the models; those not measured yet are.

        Returns:
            The digest of each model and its route.
        """
        given = [self.crossover(source).model_copy(update={"program": source.digest}) for source in sources]
        routes.write(Path(path), routes.routes_from(given))
        return {one.program: route_of(one) for one in given}

    def get_capability_score(
        self,
        process_type: str,
        accelerator: AcceleratorType | str | None = None,
        source: ModelSource | None = None,
    ) -> float:
        """Return the measured speed of `process_type` relative to the CPU.

        Args:
            process_type: a type that has a profile.
            accelerator: the device, or its name such as "gpu"; the best one for the type where absent.
            source: the model of `kinetic_ensembles`; the shipped gene expression where absent.

        Returns:
            1 for the CPU by definition; 0 where the device is missing, has no kernel for the type, was not
            measured, or gave another answer than the CPU. Never a guess. Scores of `kinetic_ensembles` are
            relative to one request after the other: the CPU's is that of its lanes (1 where they do not run
            the model), the GPU's that of its threads: the measurements that services route by.

        Raises:
            UnknownProcessError: no such type.
            ConfigurationError: no such device.
        """
        self.get_optimization_profile(process_type)
        if accelerator is None:
            return max(self.get_capability_score(process_type, kind, source) for kind in AcceleratorType)
        accelerator = _kind(accelerator)
        beside_cpu = self._kernels.score(process_type, accelerator)
        if process_type != KINETIC_ENSEMBLES:
            return beside_cpu
        if accelerator is AcceleratorType.GPU and accelerator not in self.available_types():
            return 0.0
        if accelerator is AcceleratorType.GPU and not self._kernels.measured(process_type, accelerator):
            return self.crossover(source).gpu_speed
        return beside_cpu * max(1.0, self.crossover(source).speed) if beside_cpu else 0.0

    def measure(self, process_type: str, data: Any) -> Mapping[AcceleratorType, float]:
        """Measure every kernel of `process_type` on `data`, interleaved, and remember the scores.

        A device whose answer differs from the CPU's by more than the profile's tolerance scores 0.

        Raises:
            ConfigurationError: the type has no kernel for the CPU to compare with.
        """
        profile = self.get_optimization_profile(process_type)
        kinds = self._kernels.measure(process_type, data, self.available_types(), profile.tolerance)
        return {kind: self.get_capability_score(process_type, kind) for kind in kinds}

    def optimize_biological_process(
        self, process_type: str, data: Sequence[Any], source: ModelSource | None = None
    ) -> OptimizationPlan:
        """Return where `data` should be computed, and in which batches.

        Args:
            process_type: a type that has a profile.
            data: the members to compute; only their number matters here.
            source: the model of `kinetic_ensembles`; the shipped gene expression where absent.

        Raises:
            UnknownProcessError: no such type.
        """
        profile = self.get_optimization_profile(process_type)
        scores = {kind: self.get_capability_score(process_type, kind, source) for kind in AcceleratorType}
        best = max(scores, key=lambda kind: scores[kind])
        cpu = scores[AcceleratorType.CPU]
        too_few = self._too_few_for(best, process_type, len(data), source)
        if scores[best] <= cpu or too_few:
            best, reason = AcceleratorType.CPU, too_few or "no other device was measured to be faster"
        else:
            reason = f"measured {scores[best] / cpu:.3g} times as fast as the CPU"
        if best is AcceleratorType.CPU and process_type == KINETIC_ENSEMBLES:
            reason = self._lanes_or_not(len(data), source)
        size = profile.batch_size
        batches = tuple(range(at, min(at + size, len(data))) for at in range(0, len(data), size))
        return OptimizationPlan(process_type, best, scores[best], profile, batches, reason)

    def _too_few_for(
        self, best: AcceleratorType, process_type: str, members: int, source: ModelSource | None
    ) -> str:
        """Return why a GPU does not pay for so few members of a model, or nothing."""
        own_kernel = self._kernels.measured(process_type, best)
        if best is not AcceleratorType.GPU or process_type != KINETIC_ENSEMBLES or own_kernel:
            return ""
        fewest = route_of(self.crossover(source)).gpu
        if fewest is not None and members >= fewest:
            return ""
        return f"the GPU is faster from {fewest} members on" if fewest else "the GPU is never faster"

    def _lanes_or_not(self, members: int, source: ModelSource | None) -> str:
        found = self.crossover(source)
        if found.members == math.inf:
            return "one after the other: lanes are not faster"
        if members < found.members:
            return f"one after the other: lanes are faster from {found.members:.0f} members on"
        return f"in lanes, which are faster from {found.members:.0f} members on"


def _kind(accelerator: AcceleratorType | str) -> AcceleratorType:
    try:
        return AcceleratorType(accelerator.lower())
    except ValueError:
        names = ", ".join(AcceleratorType)
        raise ConfigurationError(
            f"There is no kind of accelerator {accelerator!r}.", details={"remedy": f"Give one of {names}."}
        ) from None
