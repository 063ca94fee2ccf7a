"""Many cells together: their registry, what they hold, and whose turn it is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bioxen.errors import ConfigurationError, VmCreationError, VmNotFoundError, did_you_mean
from bioxen.protocol.cells import ComputationServiceStatus, ExecutionMode, Resources, VmConfig, VmStatus
from bioxen.protocol.result import ProcessResult
from bioxen.vm.cell import BiologicalVM
from bioxen.vm.config import LOCAL_SERVICES, ServiceUrls, checked_mode
from bioxen.vm.execution import BiologicalComputationHypervisor
from bioxen.vm.factory import create_bio_vm
from bioxen.vm.resources import Capacity, Ledger
from bioxen.vm.routers import make_router
from bioxen.vm.scheduling import Turns
from bioxen.vm.service_status import service_status

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bioxen.client import BiologicalComputationClient
    from bioxen.client.cells import KeptCells
    from bioxen.client.jobs import Jobs
    from bioxen.client.models import Models
    from bioxen.vm.population import Population, Vary

SLOTS = 16
"""Processes at the services at once; the services queue what their workers cannot take."""
QUEUE_LIMIT = 1000
"""Processes that may wait; one more is refused with OverloadError."""


class BioXenHypervisor:
    """Holds cells, gives them resources and turns; safe to share between threads.

    Args:
        client: asks the services for every cell that was given no URLs of its own. Without one such
            cells ask the services of this machine, at their default ports.
        capacity: what the cells can hold together.
        slots: processes that may be at the services at once.
        queue_limit: processes that may wait for a slot.
    """

    def __init__(
        self,
        client: BiologicalComputationClient | None = None,
        capacity: Capacity | None = None,
        *,
        slots: int = SLOTS,
        queue_limit: int = QUEUE_LIMIT,
    ) -> None:
        self.capacity = capacity or Capacity()
        self._client = client
        self._turns = Turns(slots, queue_limit)
        self._ledger = Ledger(self.capacity)
        self._cells: dict[str, BiologicalVM] = {}
        self._routers: dict[ServiceUrls | None, BiologicalComputationHypervisor] = {}
        self._mode: ExecutionMode | None = None
        self._lock = threading.Lock()

    # Cells.

    def create_vm(
        self,
        vm_id: str,
        biological_type: str = "ecoli",
        vm_type: str = "lightweight",
        config: VmConfig | Mapping[str, Any] | None = None,
    ) -> BiologicalVM:
        """Return a new cell that this hypervisor holds; see `create_bio_vm`.

        Raises:
            VmCreationError: the id is taken; or as `create_bio_vm`.
            ResourceAllocationError, ResourceExhaustionError: what its config asks for cannot be given.
        """
        vm = create_bio_vm(vm_id, biological_type, vm_type, config)
        self.register_vm(vm)
        return vm

    def register_vm(self, vm: BiologicalVM) -> None:
        """Hold a cell, give it what it asked for, and route its processes.

        Raises:
            VmCreationError: the id is taken, or another hypervisor holds the cell.
            VmStateError: the cell is destroyed.
            ResourceAllocationError, ResourceExhaustionError: what it asked for cannot be given.
        """
        with self._lock:
            if vm.vm_id in self._cells:
                raise VmCreationError(
                    f"A cell {vm.vm_id!r} is registered already.",
                    details={"place": "vm_id", "remedy": "Choose another id, or destroy that cell."},
                )
            self._cells[vm.vm_id] = vm  # the place is taken before the cell joins
        try:
            vm._join(self)
            if self._mode is not None:
                vm.enable_enhanced_execution(self._mode)
        except BaseException:
            self.forget(vm.vm_id)
            raise

    def get_vm(self, vm_id: str) -> BiologicalVM:
        """Return the cell of that id.

        Raises:
            VmNotFoundError: none is registered here.
        """
        with self._lock:
            vm = self._cells.get(vm_id)
            known = [] if vm else list(islice(self._cells, 1000))  # for near matches, and bounded
        if vm is None:
            details = {"place": "vm_id", **did_you_mean(vm_id, known)}
            raise VmNotFoundError(f"No cell {vm_id!r} is registered.", details=details)
        return vm

    def list_vms(self) -> list[VmStatus]:
        """Return the status of every cell, in the order of registration."""
        return [vm.get_status() for vm in self._all()]

    def remove_vm(self, vm_id: str) -> BiologicalVM:
        """Return a cell that from now on no hypervisor holds; it keeps its state and holds no resources.

        Raises:
            VmNotFoundError: none is registered here.
        """
        vm = self.get_vm(vm_id)
        vm._leave()
        self.forget(vm_id)
        return vm

    def destroy_vm(self, vm_id: str) -> None:
        """End a cell, and take back what it holds.

        Raises:
            VmNotFoundError: none is registered here.
        """
        self.get_vm(vm_id).destroy()

    def __contains__(self, vm_id: object) -> bool:
        return vm_id in self._cells

    def __len__(self) -> int:
        return len(self._cells)

    @property
    def kept(self) -> KeptCells:
        """The cells that the orchestrator keeps, which outlive this program.

        Raises:
            ConfigurationError: this hypervisor knows no orchestrator.
        """
        return self._orchestrator().cells

    @property
    def jobs(self) -> Jobs:
        """The jobs of the orchestrator, which outlive this program.

        Raises:
            ConfigurationError: this hypervisor knows no orchestrator.
        """
        return self._orchestrator().jobs

    @property
    def models(self) -> Models:
        """The models that requests may name, with those that the orchestrator keeps for you.

        Raises:
            ConfigurationError: this hypervisor knows no orchestrator.
        """
        return self._orchestrator().models

    def population(
        self,
        biological_type: str = "ecoli",
        n: int | None = None,
        vary: Vary | None = None,
        *,
        name: str | None = None,
        config: VmConfig | Mapping[str, Any] | None = None,
    ) -> Population:
        """Return many running cells that the orchestrator keeps, for one process on all of them at once.

        Args:
            biological_type: their chassis.
            n: how many; the number of edits in `vary` where absent.
            vary: number of the cell, from 0 → how it differs, a `Delta` or a mapping; or one of these a cell.
            name: the founder's id, from which the others are forked and named; the chassis where absent.
            config: what they share; see `VmConfig`.

        Raises:
            ConfigurationError: this hypervisor knows no orchestrator, or `n` and `vary` do not fit together.
            VmCreationError: an id is taken.
        """
        from bioxen.vm.population import found

        return found(self._orchestrator(), name or biological_type, biological_type, n, vary, config)

    def _orchestrator(self) -> BiologicalComputationClient:
        if self._client is None or "tools" not in self._client.urls:
            raise ConfigurationError(
                "Kept cells and jobs live in an orchestrator, and this hypervisor knows none.",
                details={"remedy": "Use bioxen.local() or bioxen.connect(url)."},
            )
        return self._client

    # Execution.

    def execute_process(
        self, vm_id: str, process_code: str, context: Mapping[str, Any] | None = None
    ) -> ProcessResult:
        """Return the result of a process on a cell; see `BiologicalVM.execute_biological_process`.

        Raises:
            VmNotFoundError: no such cell is registered here.
            OverloadError: too many processes wait, and the cell's mode is real.
            BioXenException: see there.
        """
        return self.get_vm(vm_id).execute_biological_process(process_code, context)

    def load_array(self, array: Mapping[str, Any]) -> NDArray[np.float64]:
        """Return an array of a result as NumPy's, in whatever encoding it came; see `client.Arrays.load`.

        Raises:
            ConfigurationError: this hypervisor knows no services.
            ArrayNotFoundError: an array by reference is not kept any more.
            MissingModuleError: numpy is not installed.
        """
        client = self.router(None).client
        if client is None:
            raise ConfigurationError(
                "This hypervisor knows no services that could have arrays.",
                details={"remedy": "Use bioxen.local() or bioxen.connect(url)."},
            )
        return client.arrays.load(array)

    def set_execution_mode(self, mode: str) -> None:
        """Set the mode of every cell held now or later: `symbolic`, `real` or `hybrid`.

        Raises:
            ConfigurationError: there is no such mode.
        """
        self._mode = checked_mode(mode)
        for vm in self._all():
            if vm.state != "destroyed":
                vm.enable_enhanced_execution(self._mode)

    def service_status(self) -> ComputationServiceStatus:
        """Return where the services are and how they are; asks them."""
        return service_status(self.router(None).client, self._mode or "hybrid")

    def resources_left(self) -> dict[str, float]:
        """Return what no cell holds: ribosomes, ATP share and memory (MB)."""
        with self._lock:
            return self._ledger.left()

    # What a cell asks of its host.

    def router(self, urls: ServiceUrls | None) -> BiologicalComputationHypervisor:
        """Return what executes for a cell that was given these URLs, or none; all take turns together."""
        with self._lock:
            router = self._routers.get(urls)
            if router is None:
                own_client = self._client if urls is None else None
                if own_client is not None:
                    router = BiologicalComputationHypervisor(own_client, self._turns)
                else:
                    router = make_router(urls or LOCAL_SERVICES, self._turns)
                self._routers[urls] = router
            return router

    def grant(self, vm_id: str, wanted: Resources) -> None:
        """Give a cell these amounts in place of what it holds, and keep its slots for it.

        Raises:
            ResourceAllocationError: more than one cell may hold.
            ResourceExhaustionError: more than the other cells leave.
        """
        with self._lock:
            self._ledger.grant(vm_id, wanted)
            self._turns.reserve(vm_id, wanted.atp_share)

    def release(self, vm_id: str) -> None:
        """Take back what a cell holds."""
        with self._lock:
            self._ledger.release(vm_id)
            self._turns.reserve(vm_id, 0.0)

    def granted(self, vm_id: str) -> Resources | None:
        """Return what a cell holds, or null."""
        with self._lock:
            return self._ledger.granted(vm_id)

    def forget(self, vm_id: str) -> None:
        """Take note that a cell is no more, or no longer held."""
        with self._lock:
            self._cells.pop(vm_id, None)

    # The end.

    def cleanup(self) -> None:
        """Destroy every cell and close every connection. The hypervisor can be used again."""
        for vm in self._all():
            if vm.state != "destroyed":
                vm.destroy()
        with self._lock:
            routers, self._routers = list(self._routers.values()), {}
        for router in routers:
            if router.client is not None:
                router.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cleanup()

    def _all(self) -> list[BiologicalVM]:
        with self._lock:
            return list(self._cells.values())
