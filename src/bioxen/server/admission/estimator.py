"""Estimates of jobs, and the refusal of what cannot fit."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil

from bioxen.errors import BioXenException, ResourceExhaustionError
from bioxen.protocol.jobs import Estimate
from bioxen.protocol.request import ComputeRequest
from bioxen.server.admission.kept import RateFile
from bioxen.server.admission.rates import Rates
from bioxen.server.admission.sizes import ModelSize, Sizes
from bioxen.server.admission.work import model_bytes, work_of
from bioxen.server.bytecode.repository import Repository

ASSUMED = {"metabolic": 2e-6, "metabolic_batch": 2e-7, "kinetic": 5e-5}
"""Seconds for one unit of work on a model of weight 1, by kind or family, where none was seen yet: of the
right order for the models that BioXen is measured with."""
MACHINE_SHARE = 0.8
"""How much of the machine's memory a result may take."""
WRITE_EVERY = 10.0
"""Seconds between two writings of what was learned, at least."""
MIB = 1 << 20


class Estimator:
    """Says what requests will take, from their size and from what such requests took on this server.

    Args:
        repository: where models are found by name; the users' own where absent.
        worker_memory: bytes that one worker may use.
        machine_memory: bytes that results may take here; most of the machine's where absent.
    """

    def __init__(
        self,
        repository: Repository | None = None,
        worker_memory: int = 2048 * MIB,
        machine_memory: int | None = None,
    ) -> None:
        self._sizes = Sizes(repository or Repository())
        self._rates = Rates()
        self._worker_memory = worker_memory
        self._machine_memory = machine_memory or int(psutil.virtual_memory().total * MACHINE_SHARE)
        self._file: RateFile | None = None
        self._written = -WRITE_EVERY

    def keep_in(self, path: Path) -> None:
        """Take up what an earlier server learned, and keep there what this one learns."""
        self._file = RateFile(path)
        self._rates.restore(self._file.read())

    def write(self) -> None:
        """Write down what was learned, where it is kept."""
        if self._file is not None:
            self._written = time.monotonic()
            self._file.write(self._rates.all())

    async def estimate(self, request: ComputeRequest) -> Estimate:
        """Return what `request` will take.

        Raises:
            ModelNotFoundError: the repository has no such model.
        """
        size = await self._sizes.of(request)
        work = work_of(request, size)
        rate, measured = self._rate(work.kind, size)
        return Estimate(
            seconds=rate * work.units,
            memory_bytes=max(work.part_bytes + model_bytes(size), work.whole_bytes),
            basis="measured" if measured else "assumed",
        )

    async def admit(self, request: ComputeRequest) -> Estimate:
        """Return the estimate of a request that fits.

        Raises:
            ModelNotFoundError: the repository has no such model.
            ResourceExhaustionError: a worker, or this machine, has not the memory that it needs.
        """
        work = work_of(request, await self._sizes.of(request))
        # Without the model's own memory, which may be less than is assumed: what would fit is never refused.
        _refuse_beyond(
            self._worker_memory,
            work.part_bytes,
            "one part of it in a worker",
            "Ask for fewer points or outputs, or give the workers more memory (--memory-mb).",
        )
        _refuse_beyond(
            self._machine_memory,
            work.whole_bytes,
            "its result on this machine",
            "Ask for features, a summary or fewer reactions, or cut it into several jobs.",
        )
        return await self.estimate(request)

    async def learn(self, request: ComputeRequest, seconds: float) -> None:
        """Take in that `request`, a whole or a part, took `seconds` to compute."""
        try:
            size = await self._sizes.of(request)
        except BioXenException:
            return
        work = work_of(request, size)
        each = seconds / work.units
        self._rates.note(each, work.kind, size.key)
        self._rates.note(each / size.weight, work.kind)
        if time.monotonic() - self._written > WRITE_EVERY:
            self._written = time.monotonic()  # while it is written, others learn
            await asyncio.to_thread(self.write)

    def _rate(self, kind: str, size: ModelSize) -> tuple[float, bool]:
        """Return the seconds of a unit, and whether they were measured: on this model, else on others."""
        known = self._rates.get(kind, size.key)
        if known is not None:
            return known, True
        known = self._rates.get(kind)
        family = kind.partition("_")[0]
        assumed = ASSUMED.get(kind, ASSUMED[family])
        return (assumed if known is None else known) * size.weight, known is not None


def _refuse_beyond(limit: int, needed: int, where: str, remedy: str) -> None:
    if needed > limit:
        raise ResourceExhaustionError(
            f"The job is estimated to need {needed // MIB:,} MiB for {where}, of {limit // MIB:,} MiB.",
            details={"quota": "memory", "estimate": needed, "limit": limit, "remedy": remedy},
        )
