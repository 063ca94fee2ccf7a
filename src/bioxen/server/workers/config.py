"""How the workers of a local pool are set up."""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil

_LEAST_MEMORY = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerConfig:
    """What a worker may use; the defaults serve a laptop and a server."""

    repository: str | None = None
    """Folder of the users' models; null for the default one."""
    sys_path: tuple[str, ...] = ()
    """Where engines outside of the installed packages are found."""
    programs: int = 16
    """Compiled models a worker keeps; the least recently used one goes first."""
    recycle_after: int = 10_000
    """Tasks after which a worker is replaced: libRoadRunner loses 10 KB with each model it loads."""
    start_timeout: float = 300.0
    """Seconds that loading the engines (the first time: compiling code) and starting a worker may take."""


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_memory_limit(size: int) -> int:
    """Return the bytes each of `size` workers may hold: an equal share of four fifths of the machine."""
    return max(_LEAST_MEMORY, int(psutil.virtual_memory().total * 0.8 / size))
