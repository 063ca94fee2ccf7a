"""Cells that an orchestrator keeps, from the asking side."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bioxen.client.answers import raise_for_fault, read_message
from bioxen.client.cells_past import PastOfCells, as_message, query_of
from bioxen.client.paths import of_cell
from bioxen.protocol.base import parse
from bioxen.protocol.bulk import MAX_CELLS, BulkAction, BulkCreate, BulkDone, BulkFork, PopulationRun
from bioxen.protocol.cells import (
    CellJob,
    CellProcessCall,
    Delta,
    KeptResources,
    Resources,
    VmConfig,
    VmSpec,
    VmStatus,
)
from bioxen.protocol.jobs import Job
from bioxen.protocol.lineage import ForkSpec, VmPage
from bioxen.protocol.quotas import CellQuotas
from bioxen.protocol.result import ProcessResult


class KeptCells(PastOfCells):
    """The cells of one orchestrator. Each call raises VmNotFoundError where it has no cell of that id."""

    # One cell.

    def create(
        self,
        vm_id: str,
        biological_type: str = "ecoli",
        vm_type: str = "lightweight",
        config: VmConfig | Mapping[str, Any] | None = None,
        quotas: CellQuotas | Mapping[str, Any] | None = None,
    ) -> VmStatus:
        """Make a cell; when this returns, the orchestrator has it on its disk.

        Args:
            vm_id: its name.
            biological_type: its chassis.
            vm_type: `basic`, `lightweight` or `enhanced`.
            config: model, edits, resources and the like.
            quotas: what it may have, where that differs from what every cell may; see `set_quotas`.

        Raises:
            VmCreationError: the id is taken.
            BioXenException: see `BioXenHypervisor.create_vm`.
        """
        fields = {"vm_id": vm_id, "biological_type": biological_type, "vm_type": vm_type}
        spec = parse(VmSpec, {**fields, "config": config or VmConfig(), "quotas": quotas})
        return self._ask("POST", "/vms", VmStatus, spec)

    def get(self, vm_id: str) -> VmStatus:
        """Return a cell's status."""
        return self._ask("GET", of_cell(vm_id), VmStatus)

    def act(self, vm_id: str, action: str) -> VmStatus:
        """Make a cell `start`, `pause`, `resume` or `stop`.

        Raises:
            VmStateError: its state does not allow that.
        """
        return self._ask("POST", of_cell(vm_id, "actions", quote(action, safe="")), VmStatus)

    def destroy(self, vm_id: str) -> None:
        """End a cell."""
        raise_for_fault(self._send("DELETE", of_cell(vm_id), tries=1))

    def set_delta(self, vm_id: str, delta: Delta | Mapping[str, Any]) -> VmStatus:
        """Set how a cell differs from its chassis."""
        return self._ask("PUT", of_cell(vm_id, "delta"), VmStatus, as_message(Delta, delta))

    def allocate(self, vm_id: str, **amounts: Any) -> VmStatus:
        """Set what a cell holds: `ribosomes`, `atp_share`, `memory_mb`, `priority`."""
        return self._ask("PUT", of_cell(vm_id, "resources"), VmStatus, parse(Resources, amounts))

    def get_resource_usage(self, vm_id: str) -> KeptResources:
        """Return what a cell holds, what it may have of the server, and what it has."""
        return self._ask("GET", f"/vms/{vm_id}/resources", KeptResources)

    def set_quotas(self, vm_id: str, **quotas: float | None) -> KeptResources:
        """Set what a cell may have: `running_jobs`, `queued_jobs`, `stored_bytes`, `cpu_seconds`.

        Args:
            vm_id: the cell.
            quotas: null is as much as its owner has; those that are not named are what every cell may have.
        """
        return self._ask("PUT", f"/vms/{vm_id}/quotas", KeptResources, parse(CellQuotas, quotas))

    def run(
        self,
        vm_id: str,
        process_code: str,
        context: Mapping[str, Any] | None = None,
        *,
        advance: bool = False,
    ) -> ProcessResult:
        """Return the result of a process on a cell.

        Args:
            vm_id: the cell.
            process_code: such as `metabolic_dfba`.
            context: fields of the process's request.
            advance: whether the cell moves on to where the process ends.

        Raises:
            VmStateError: it is not running, or was changed while it was to advance.
            BioXenException: see `BiologicalVM.execute_biological_process`.
        """
        fields = {"process_code": process_code, "context": dict(context or {}), "advance": advance}
        call = parse(CellProcessCall, fields)
        return self._ask("POST", of_cell(vm_id, "processes"), ProcessResult, call)

    def submit(
        self,
        vm_id: str,
        process_code: str,
        context: Mapping[str, Any] | None = None,
        *,
        advance: bool = False,
        priority: int = 50,
        deadline: float | None = None,
        key: str | None = None,
    ) -> Job:
        """Hand in a process of a cell as a job; it starts from where the cell stands when the job begins.

        The jobs of one cell run one after another. `Jobs.wait` and `Jobs.result` are for these jobs too.

        Args:
            vm_id: the cell.
            process_code: such as `metabolic_dfba`.
            context: fields of the process's request.
            advance: whether the cell moves on to where the process ends, once, when the job is done.
            priority: 0 (last) to 100 (first), among your own jobs.
            deadline: the longest the job may run, s.
            key: the same key gives the same job; a new one where absent.

        Raises:
            VmStateError: the cell is not running.
            JobStateError: the key was used for another request.
            BioXenException: see `run`.
        """
        fields = {"process_code": process_code, "context": dict(context or {}), "advance": advance}
        job = parse(CellJob, {**fields, "priority": priority, "deadline": deadline})
        headers = {"idempotency-key": key or secrets.token_urlsafe(18)}
        body = job.model_dump_json(exclude_none=True)
        return read_message(self._send("POST", of_cell(vm_id, "jobs"), body, headers, tries=2), Job)

    # Many cells.

    def page(
        self,
        *,
        state: str | None = None,
        biological_type: str | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> VmPage:
        """Return some of your cells, in the order of their ids."""
        query = query_of(state=state, biological_type=biological_type, after=after, limit=limit)
        return self._ask("GET", f"/vms?{query}", VmPage)

    def __iter__(self) -> Iterator[VmStatus]:
        page = self.page(limit=1000)
        yield from page.vms
        while page.next is not None:
            page = self.page(after=page.next, limit=1000)
            yield from page.vms

    def create_many(self, specs: Sequence[VmSpec]) -> None:
        """Make cells, 10,000 a request; each request makes all of its cells or none."""
        for start in range(0, len(specs), MAX_CELLS):
            some = list(specs[start : start + MAX_CELLS])
            self._ask("POST", "/vms/bulk", BulkDone, BulkCreate(action="create", cells=some))

    def fork_many(self, vm_id: str, specs: Sequence[ForkSpec]) -> None:
        """Make cells that begin where one stands, 10,000 a request."""
        for start in range(0, len(specs), MAX_CELLS):
            some = list(specs[start : start + MAX_CELLS])
            self._ask("POST", "/vms/bulk", BulkDone, BulkFork(action="fork", vm_id=vm_id, cells=some))

    def act_many(self, vm_ids: Sequence[str], action: str) -> None:
        """Make cells `start`, `pause`, `resume` or `stop`, or `destroy` them, 10,000 a request."""
        for start in range(0, len(vm_ids), MAX_CELLS):
            some = list(vm_ids[start : start + MAX_CELLS])
            self._ask("POST", "/vms/bulk", BulkDone, parse(BulkAction, {"action": action, "vm_ids": some}))

    def run_many(
        self,
        vm_ids: Sequence[str],
        process_code: str,
        context: Mapping[str, Any] | None = None,
        *,
        priority: int = 50,
        deadline: float | None = None,
    ) -> Job:
        """Hand in one process on many cells as one job; its result has one entry a cell, in their order."""
        fields = {"vm_ids": list(vm_ids), "process_code": process_code, "context": dict(context or {})}
        run = parse(PopulationRun, {**fields, "priority": priority, "deadline": deadline})
        headers = {"idempotency-key": secrets.token_urlsafe(18)}
        answer = self._send("POST", "/vms/runs", run.model_dump_json(exclude_none=True), headers, tries=2)
        return read_message(answer, Job)
