"""The hypervisor behind `/vms`: the same one as in Python, asked from the server's event loop.

A cell's methods wait for answers, so each call runs in a thread; the cells' own requests come back into
this application through its event loop, with no port between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

from bioxen.client import BiologicalComputationClient
from bioxen.errors import ConfigurationError
from bioxen.protocol.cells import (
    ComputationServiceStatus,
    Delta,
    ProcessCall,
    Resources,
    VmSpec,
    VmStatus,
)
from bioxen.protocol.result import ProcessResult
from bioxen.server.loopback import LoopTransport
from bioxen.vm.hypervisor import BioXenHypervisor

T = TypeVar("T")
OWN_URL = "http://localhost"
THREADS = 64
"""Calls at once: more than the hypervisor's own slots, so that quick calls pass those that compute."""


class HypervisorRuntime:
    """Cells that live in this server."""

    def __init__(self) -> None:
        self._hypervisor = BioXenHypervisor()
        self._threads: ThreadPoolExecutor | None = None

    def start(self, app: Any, token: str | None) -> None:
        """Begin to serve cells, whose requests go to `app` in the running event loop."""
        transport = LoopTransport(app, asyncio.get_running_loop())
        client = BiologicalComputationClient(OWN_URL, OWN_URL, OWN_URL, transport=transport, token=token)
        self._hypervisor = BioXenHypervisor(client)
        self._threads = ThreadPoolExecutor(THREADS, "bioxen-cells")

    def close(self) -> None:
        """End every cell."""
        self._hypervisor.cleanup()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def create(self, spec: VmSpec) -> VmStatus:
        """Make a cell.

        Raises:
            ConfigurationError: the spec names services; a cell of a server uses the server's own.
            BioXenException: see `BioXenHypervisor.create_vm`.
        """
        if spec.config.computation_service_urls is not None:
            raise ConfigurationError(
                "A cell that lives in a server computes on the server's own services.",
                details={
                    "place": "config.computation_service_urls",
                    "remedy": "Leave it out; or make the cell in Python, where it may ask any service.",
                },
            )
        vm = await self._call(
            lambda: self._hypervisor.create_vm(spec.vm_id, spec.biological_type, spec.vm_type, spec.config)
        )
        return vm.get_status()

    async def list(self) -> list[VmStatus]:
        """Return the status of every cell."""
        return await self._call(self._hypervisor.list_vms)

    async def status(self, vm_id: str) -> VmStatus:
        """Return a cell's status.

        Raises:
            VmNotFoundError: no such cell.
        """
        return self._hypervisor.get_vm(vm_id).get_status()

    async def act(self, vm_id: str, action: Literal["start", "pause", "resume", "stop"]) -> VmStatus:
        """Move a cell through its life.

        Raises:
            VmNotFoundError: no such cell.
            VmStateError: its state does not allow that.
        """
        vm = self._hypervisor.get_vm(vm_id)
        await self._call(getattr(vm, action))
        return vm.get_status()

    async def destroy(self, vm_id: str) -> None:
        """End a cell.

        Raises:
            VmNotFoundError: no such cell.
        """
        await self._call(lambda: self._hypervisor.destroy_vm(vm_id))

    async def set_delta(self, vm_id: str, delta: Delta) -> VmStatus:
        """Set how a cell differs from its chassis.

        Raises:
            VmNotFoundError: no such cell.
        """
        vm = self._hypervisor.get_vm(vm_id)
        await self._call(lambda: vm.set_delta(delta))
        return vm.get_status()

    async def allocate(self, vm_id: str, resources: Resources) -> VmStatus:
        """Set what a cell holds.

        Raises:
            VmNotFoundError: no such cell.
            ResourceAllocationError, ResourceExhaustionError: it cannot be given.
        """
        vm = self._hypervisor.get_vm(vm_id)
        await self._call(lambda: vm.allocate_resources(resources))
        return vm.get_status()

    async def computation_status(self, vm_id: str) -> ComputationServiceStatus:
        """Return how a cell computes.

        Raises:
            VmNotFoundError: no such cell.
        """
        vm = self._hypervisor.get_vm(vm_id)
        return await self._call(vm.get_computation_service_status)

    async def execute(self, vm_id: str, call: ProcessCall) -> ProcessResult:
        """Run a process on a cell; see `BioXenHypervisor.execute_process`."""
        return await self._call(
            lambda: self._hypervisor.execute_process(vm_id, call.process_code, call.context)
        )
