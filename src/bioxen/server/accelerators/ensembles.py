"""How fast a model's ensembles run one after the other, in the CPU's lanes, and on a GPU: measured once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import msgspec

from bioxen._version import VERSION
from bioxen.server.accelerators.detect import detect
from bioxen.server.bytecode.source import ModelSource, digest_of
from bioxen.server.engines.cache_folder import cache_folder

GPU_MEMBERS = 16_000
"""Members of the study that a GPU is measured in: a small one would leave it idle."""


@dataclass(frozen=True, slots=True)
class Crossover:
    """What a measurement found on one model: an ensemble in which one parameter varies."""

    version: str
    """Of BioXen."""
    single: float
    """Seconds a member takes one after the other, on libRoadRunner."""
    lanes: float | None
    """Seconds a member takes in lanes; null where they do not run the model."""
    preparation: float
    """Seconds until a model's first members in lanes are there: making its functions, choosing the method."""
    gpu: float | None = None
    """Seconds a member takes on a GPU; null where none ran it, or its answer was not that of the lanes."""
    gpu_preparation: float = 0.0
    """Seconds until a model's first members on the GPU are there."""
    gpu_difference: float | None = None
    """Largest difference of a GPU's final values from the lanes', as a share of each output's largest."""
    why_not: str = ""
    """Why there is no number for the GPU, or for the lanes."""
    program: str = ""
    """Digest of the model."""
    machine: str = ""
    """The devices that were there."""

    @property
    def speed(self) -> float:
        """How many times as fast members are in lanes; 0 where the lanes do not run the model."""
        return 0.0 if self.lanes is None else self.single / self.lanes

    @property
    def gpu_speed(self) -> float:
        """How many times as fast members are on the GPU; 0 where there is no number for it."""
        return 0.0 if self.gpu is None else self.single / self.gpu

    @property
    def members(self) -> float:
        """From how many members on the lanes are faster, their preparation counted."""
        return _from(self.preparation, self.single, self.lanes)

    @property
    def gpu_members(self) -> float:
        """From how many members on the GPU is faster than the better of the others."""
        beside_single = _from(self.gpu_preparation, self.single, self.gpu)
        extra = max(self.gpu_preparation - self.preparation, 0.0)
        beside_lanes = 0.0 if self.lanes is None else _from(extra, self.lanes, self.gpu)
        return max(beside_single, beside_lanes)


def _from(preparation: float, slower: float, faster: float | None) -> float:
    """Return from how many members on the second way is faster; infinity for never."""
    gain = 0.0 if faster is None else slower - faster
    return preparation / gain if gain > 0 else float("inf")


def example() -> ModelSource:
    """Return the shipped gene expression model, which stands for a model where none is named."""
    text = (files("bioxen.server.bytecode") / "data" / "base" / "gene_expression.ant").read_text()
    return ModelSource(text, "antimony", digest_of(text))


def crossover(source: ModelSource | None = None) -> Crossover:
    """Return the measurement of a model on this machine: the one kept in the user's cache, else a new one.

    Args:
        source: the model; the shipped gene expression where absent.

    Raises:
        InvalidModelError: the model cannot be loaded.
        ValidationError: nothing in the model can be varied.
    """
    source = source or example()
    machine = "; ".join(f"{one.name} ({one.units})" for one in detect())
    folder = cache_folder("measurements")
    path = None if folder is None else folder / f"{source.digest}.json"
    kept = None if path is None else _read(path)
    if kept is not None and (kept.version, kept.machine) == (VERSION, machine):
        return kept
    from bioxen.server.accelerators.measuring import (
        measured,
    )  # late: most who ask for devices simulate nothing

    found = measured(source, machine)
    if path is not None:
        with suppress(OSError):
            path.write_bytes(msgspec.json.encode(found))
    return found


def _read(path: Path) -> Crossover | None:
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(path.read_bytes(), type=Crossover)
    return None
