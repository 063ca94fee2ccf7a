"""A cell as the tenant of a hypervisor: what it asked for, what it holds, and the memory it may take."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Protocol

from bioxen.errors import ResourceAllocationError, ResourceExhaustionError, ValidationError, VmCreationError
from bioxen.protocol.base import parse
from bioxen.protocol.cells import Delta, Resources, ResourceUsage, VmState
from bioxen.vm.cache import DEFAULT_BYTES, MB, ResultCache
from bioxen.vm.config import ServiceUrls
from bioxen.vm.edits import Edits
from bioxen.vm.execution import BiologicalComputationHypervisor
from bioxen.vm.lifecycle import require_alive
from bioxen.vm.requests import NO_DELTA

CHANGES = threading.RLock()
"""Held while a cell changes: one for all of them, for microseconds, since one for each would weigh.
A host's own locks are taken inside it, never around it."""


class Host(Protocol):
    """What a cell may ask of the hypervisor that holds it."""

    def router(self, urls: ServiceUrls | None) -> BiologicalComputationHypervisor:
        """Return what executes for a cell that was given these URLs, or none."""
        ...

    def grant(self, vm_id: str, wanted: Resources) -> None:
        """Give a cell these amounts in place of what it holds."""
        ...

    def release(self, vm_id: str) -> None:
        """Take back what a cell holds."""
        ...

    def granted(self, vm_id: str) -> Resources | None:
        """Return what a cell holds."""
        ...

    def forget(self, vm_id: str) -> None:
        """Take note that a cell is no more."""
        ...


class Tenant(Edits):
    """What a cell holds, and what it is held to."""

    __slots__ = ("_cache", "_executed", "_host", "_id", "_router", "_seconds", "_state", "_wanted")
    _cache: ResultCache | None
    _executed: int
    _host: Host | None
    _id: str
    _router: BiologicalComputationHypervisor | None
    _seconds: float
    _state: VmState
    _wanted: Resources | None

    def allocate_resources(
        self, resources: Resources | Mapping[str, Any] | None = None, /, **amounts: Any
    ) -> ResourceUsage:
        """Ask for resources; amounts not named stay as they are.

        A cell that no hypervisor holds, or that is stopped, keeps the wish for when it is registered or
        started. On an error the cell keeps what it has.

        Args:
            resources: amounts as a message or mapping.
            amounts: `ribosomes`, `atp_share` (0 to 1), `memory_mb` (MB) and `priority` (0 to 100).

        Raises:
            ResourceAllocationError: an amount makes no sense, is more than one cell may hold, or is less
                memory than the cell's edits take.
            ResourceExhaustionError: other cells leave less than that.
            VmStateError: the cell is destroyed.
        """
        with CHANGES:
            require_alive(self._state, self._id, "hold resources")
            wanted = read_resources(self._wanted, resources, amounts)
            check_memory(wanted, self._delta)
            before, self._wanted = self._wanted, wanted
            try:
                if self._state != "stopped":
                    self._claim()
            except (ResourceAllocationError, ResourceExhaustionError):
                self._wanted = before
                raise
            self._fit_cache()
            return self.get_resource_usage()

    def get_resource_usage(self) -> ResourceUsage:
        """Return what the cell asked for, whether it holds it now, and what it has used."""
        used = _size(self._delta) + (self._cache.used if self._cache is not None else 0)
        return ResourceUsage(
            **dict(self._wanted or Resources()),
            granted=self._granted() is not None,
            memory_used_mb=used / MB,
            processes_executed=self._executed,
            execution_seconds=self._seconds,
        )

    def _granted(self) -> Resources | None:
        return self._host.granted(self._id) if self._host is not None else None

    def _claim(self) -> None:
        if self._host is not None and self._wanted is not None:
            self._host.grant(self._id, self._wanted)

    def _give_back(self) -> None:
        if self._host is not None:
            self._host.release(self._id)

    def _join(self, host: Host) -> None:
        """Become `host`'s; on an error the cell stays without one.

        Raises:
            VmCreationError: another hypervisor holds the cell.
            VmStateError: the cell is destroyed.
            ResourceAllocationError, ResourceExhaustionError: the host cannot give what the cell asks for.
        """
        with CHANGES:
            require_alive(self._state, self._id, "be registered")
            if self._host is not None:
                remedy = "Take it from there with remove_vm first."
                raise VmCreationError(
                    f"The cell {self._id!r} is held by a hypervisor already.", details={"remedy": remedy}
                )
            if self._wanted is not None and self._state != "stopped":
                host.grant(self._id, self._wanted)
            self._host, self._router = host, None

    def _leave(self) -> None:
        """Be no one's any more, and hold nothing."""
        with CHANGES:
            self._give_back()
            self._host = self._router = None

    def _replace_delta(self, delta: Delta) -> None:
        with CHANGES:
            require_alive(self._state, self._id, "be edited")
            check_edits(self._id, self._wanted, delta)
            self._delta = NO_DELTA if delta == NO_DELTA else delta
            self._fit_cache()

    def _fit_memory(self, wanted: Resources) -> None:
        check_memory(wanted, self._delta)
        self._fit_cache()

    def _fit_cache(self) -> None:
        """Leave the cache what the edits do not take."""
        if self._cache is not None:
            self._cache.set_limit(cache_limit(self._wanted, self._delta))


def read_resources(
    present: Resources | None, resources: Resources | Mapping[str, Any] | None, amounts: Mapping[str, Any]
) -> Resources:
    """Return what is wished for: the present amounts, changed by the others.

    Raises:
        ResourceAllocationError: an amount makes no sense.
    """
    try:
        return parse(Resources, {**dict(present or {}), **dict(resources or {}), **amounts})
    except ValidationError as error:
        raise ResourceAllocationError(error.message, details=error.details) from None


def check_memory(wanted: Resources, delta: Delta) -> None:
    """Check that a cell's edits fit in the memory it asks for.

    Raises:
        ResourceAllocationError: they take more.
    """
    limit = _memory_limit(wanted)
    if limit is not None and _size(delta) > limit:
        raise ResourceAllocationError(
            f"{wanted.memory_mb:g} MB is less than the cell's edits take.",
            details={"place": "memory_mb", "remedy": f"Ask for at least {_size(delta) / MB:g} MB."},
        )


def check_edits(vm_id: str, wanted: Resources | None, delta: Delta) -> None:
    """Check that new edits fit in the memory a cell has.

    Raises:
        ResourceExhaustionError: they take more.
    """
    limit = _memory_limit(wanted)
    if limit is not None and _size(delta) > limit:
        raise ResourceExhaustionError(
            f"The edits of {vm_id!r} would take more than its {limit / MB:g} MB.",
            details={"place": "memory_mb", "remedy": "Allocate more memory, or edit less."},
        )


def cache_limit(wanted: Resources | None, delta: Delta) -> int:
    """Return the bytes that a cell's cached results may take: what its edits leave."""
    limit = _memory_limit(wanted)
    return DEFAULT_BYTES if limit is None else max(0, limit - _size(delta))


def _memory_limit(wanted: Resources | None) -> int | None:
    """Return the bytes a cell may take; null where it claims no memory."""
    return int(wanted.memory_mb * MB) if wanted is not None and wanted.memory_mb > 0 else None


def _size(delta: Delta) -> int:
    return 0 if delta is NO_DELTA else len(delta.model_dump_json(exclude_defaults=True))
