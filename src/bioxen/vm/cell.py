"""A virtual cell: an image (its chassis), edits, a state of life, and no engine.

A cell weighs a few hundred bytes. What cells have in common they share: the chassis, the client, the
locks. A cell that no hypervisor holds asks services by itself; a hypervisor gives it resources and turns.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from bioxen.chassis import ChassisConfig, find_chassis
from bioxen.protocol.cells import (
    ComputationServiceStatus,
    ExecutionMode,
    VmConfig,
    VmState,
    VmStatus,
    VmType,
)
from bioxen.protocol.result import ProcessResult
from bioxen.vm.cache import ResultCache
from bioxen.vm.config import (
    LOCAL_SERVICES,
    checked_id,
    checked_mode,
    execution_mode,
    read_config,
    service_urls,
    uses_services,
)
from bioxen.vm.execution import BiologicalComputationHypervisor
from bioxen.vm.lifecycle import Verb, advance, require_alive, require_running
from bioxen.vm.requests import NO_DELTA, VmContext
from bioxen.vm.routers import shared_router
from bioxen.vm.service_status import service_status
from bioxen.vm.tenant import CHANGES, Tenant

_NO_SERVICES = BiologicalComputationHypervisor()


class BiologicalVM(Tenant):
    """A virtual cell. `create_bio_vm` makes one of the kind that suits.

    Args:
        vm_id: its name, of letters, digits and `_.-`.
        biological_type: its chassis, such as `ecoli`.
        config: see `VmConfig`.

    Raises:
        VmCreationError: the id is not of that form.
        ChassisError: there is no such chassis.
        ConfigurationError: settings contradict each other.
        ResourceAllocationError: less memory than the cell's edits take.
        ValidationError: the config is not of its form.
    """

    __slots__ = (
        "__weakref__",
        "_chassis",
        "_created",
        "_hits",
        "_kinetic_model",
        "_mode",
        "_model",
        "_services",
        "_urls",
    )
    vm_type: ClassVar[VmType]
    services_by_default: ClassVar[bool]
    caches_by_default: ClassVar[bool] = False

    def __init__(
        self, vm_id: str, biological_type: str, config: VmConfig | Mapping[str, Any] | None = None
    ) -> None:
        settings = read_config(config)
        self._id = checked_id(vm_id)
        self._chassis = find_chassis(biological_type)
        self._services = uses_services(settings, self.services_by_default)
        self._mode: ExecutionMode = execution_mode(settings, self._services)
        self._urls = service_urls(settings)
        self._model, self._kinetic_model = settings.model, settings.kinetic_model
        self._delta = NO_DELTA if settings.delta == NO_DELTA else settings.delta.model_copy(deep=True)
        caching = settings.enable_computation_caching
        self._cache = ResultCache() if (self.caches_by_default if caching is None else caching) else None
        self._wanted = settings.resources
        self._state = "created"
        self._host = self._router = None
        self._created = time.time()
        self._executed, self._hits, self._seconds = 0, 0, 0.0
        if self._wanted is not None:
            self._fit_memory(self._wanted)

    def __repr__(self) -> str:
        about = f"{self._id!r}: {self.biological_type}, {self._state}, {self._mode}"
        return f"<{type(self).__name__} {about}>"

    @property
    def vm_id(self) -> str:
        """The cell's name."""
        return self._id

    @property
    def biological_type(self) -> str:
        """The cell's chassis; `base` for one that was asked for as `generic`."""
        return self._chassis.biological_type

    @property
    def state(self) -> VmState:
        """Where in its life the cell is."""
        return self._state

    def get_chassis_config(self) -> ChassisConfig:
        """Return what is known of the cell's organism; the copy is the caller's own."""
        return self._chassis.model_copy(deep=True)

    # Life. Each raises VmStateError where the cell's state does not allow it.

    def start(self) -> None:
        """Begin, or begin again after `stop()`; claims the resources that were asked for.

        Raises:
            ResourceExhaustionError: other cells hold them by now; the cell stays as it was.
        """
        self._move("start")

    def pause(self) -> None:
        """Refuse processes until `resume()`; keeps the resources."""
        self._move("pause")

    def resume(self) -> None:
        """Go on after `pause()`."""
        self._move("resume")

    def stop(self) -> None:
        """Refuse processes until `start()`; gives the resources back, keeps the edits."""
        self._move("stop")

    def destroy(self) -> None:
        """End for ever; gives back the resources, the cached results and the hypervisor's place."""
        self._move("destroy")

    def _move(self, verb: Verb) -> None:
        with CHANGES:
            following, host = advance(self._state, verb, self._id), self._host
            if verb == "start":
                self._claim()
            self._state = following
            if following == "stopped":
                self._give_back()
            elif following == "destroyed":
                self._leave()
                self._cache = None
        if following == "destroyed" and host is not None:
            host.forget(self._id)

    # Execution.

    def execute_biological_process(
        self, process_code: str, context: Mapping[str, Any] | None = None
    ) -> ProcessResult:
        """Return the result of a process, computed or labelled symbolic as the mode allows.

        Args:
            process_code: such as `metabolic_fba`; see `protocol.processes`.
            context: fields of the process's request, such as `constraints`; they win over the cell's own.

        Raises:
            VmStateError: the cell is not running.
            BioXenException: see `BiologicalComputationHypervisor.execute_biological_process`.
        """
        require_running(self._state, self._id)
        cell = VmContext(
            vm_id=self._id,
            chassis=self._chassis,
            mode=self._mode,
            model=self._model,
            kinetic_model=self._kinetic_model,
            delta=self._delta,
            fields=context or {},
            priority=50 if self._wanted is None else self._wanted.priority,
            cache=self._cache,
        )
        result = self._route().execute_biological_process(process_code, cell)
        with CHANGES:
            self._executed += 1
            self._hits += result.cache_hit
            self._seconds += result.execution_time
        return result

    def enable_enhanced_execution(self, mode: ExecutionMode = "hybrid") -> None:
        """Let the cell ask services: `hybrid`, or `real` for results or errors and never a fallback.

        Raises:
            ConfigurationError: there is no such mode.
            VmStateError: the cell is destroyed.
        """
        chosen = checked_mode(mode)
        with CHANGES:
            require_alive(self._state, self._id, "change its mode")
            self._services = self._services or chosen != "symbolic"
            self._mode = chosen

    def enable_symbolic_execution(self) -> None:
        """Ask no service any more.

        Raises:
            VmStateError: the cell is destroyed.
        """
        self.enable_enhanced_execution("symbolic")

    def get_execution_mode(self) -> ExecutionMode:
        """Return `symbolic`, `real` or `hybrid`."""
        return self._mode

    def _route(self) -> BiologicalComputationHypervisor:
        if self._mode == "symbolic" or self._state == "destroyed":
            return _NO_SERVICES
        return self._service_route()

    def _service_route(self) -> BiologicalComputationHypervisor:
        router = self._router
        if router is None:
            host = self._host
            router = host.router(self._urls) if host else shared_router(self._urls or LOCAL_SERVICES)
            self._router = router
        return router

    # What the cell says of itself.

    def get_status(self) -> VmStatus:
        """Return the cell's state, mode, edits, resources and counts."""
        return VmStatus(
            vm_id=self._id,
            biological_type=self.biological_type,
            vm_type=self.vm_type,
            state=self._state,
            execution_mode=self._mode,
            delta=self.delta,
            resources=self._granted(),
            processes_executed=self._executed,
            cache_hits=self._hits,
            created_at=datetime.fromtimestamp(self._created, UTC).isoformat(),
        )

    def get_computation_service_status(self) -> ComputationServiceStatus:
        """Return how the cell computes; asks its services how they are, where it has any."""
        client = self._service_route().client if self._services and self._state != "destroyed" else None
        return service_status(client, self._mode, asks=self._services)


class BasicBiologicalVM(BiologicalVM):
    """A cell that executes symbolically unless it is configured to ask services."""

    __slots__ = ()
    vm_type: ClassVar[VmType] = "basic"
    services_by_default: ClassVar[bool] = False


class LightweightBiologicalVM(BiologicalVM):
    """A cell that asks services."""

    __slots__ = ()
    vm_type: ClassVar[VmType] = "lightweight"
    services_by_default: ClassVar[bool] = True


class EnhancedBiologicalVM(BiologicalVM):
    """A cell that asks services and remembers their answers."""

    __slots__ = ()
    vm_type: ClassVar[VmType] = "enhanced"
    services_by_default: ClassVar[bool] = True
    caches_by_default: ClassVar[bool] = True
