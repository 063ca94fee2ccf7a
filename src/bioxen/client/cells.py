"""Cells that an orchestrator keeps, from the asking side."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel, RootModel

from bioxen.client.answers import raise_for_fault, read_message
from bioxen.client.paths import of_cell
from bioxen.client.transport import Answer
from bioxen.protocol.base import Message, parse
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
from bioxen.protocol.lineage import (
    ForkSpec,
    HistoryPage,
    Lineage,
    Replay,
    RestoreSpec,
    Snapshot,
    SnapshotSpec,
    VmPage,
)
from bioxen.protocol.quotas import CellQuotas
from bioxen.protocol.result import ProcessResult

A = TypeVar("A", bound=BaseModel)
M = TypeVar("M", bound=Message)


class Sender(Protocol):
    """What carries the requests to an orchestrator, again where the connection drops and `tries` are left."""

    def __call__(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] = ..., *, tries: int
    ) -> Answer:
        """Return the answer."""
        ...


class KeptCells:
    """The cells of one orchestrator. Each call raises VmNotFoundError where it has no cell of that id."""

    def __init__(self, send: Sender) -> None:
        self._send = send

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
        return self._ask("PUT", of_cell(vm_id, "delta"), VmStatus, _as(Delta, delta))

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

    # Its past.

    def fork(
        self,
        vm_id: str,
        new_id: str,
        changes: Delta | Mapping[str, Any] | None = None,
        snapshot: int | None = None,
    ) -> VmStatus:
        """Make a cell that begins where another stands, or stood at a snapshot, with changes on top."""
        spec = ForkSpec(vm_id=new_id, changes=_as(Delta, changes or {}), snapshot=snapshot)
        return self._ask("POST", of_cell(vm_id, "forks"), VmStatus, spec)

    def snapshot(self, vm_id: str, name: str | None = None) -> Snapshot:
        """Keep where a cell stands."""
        return self._ask("POST", of_cell(vm_id, "snapshots"), Snapshot, SnapshotSpec(name=name))

    def snapshots(self, vm_id: str) -> list[Snapshot]:
        """Return a cell's snapshots, the first first."""
        return self._ask("GET", of_cell(vm_id, "snapshots"), RootModel[list[Snapshot]]).root

    def restore(self, vm_id: str, snapshot: int) -> VmStatus:
        """Set a cell to any of its snapshots.

        Raises:
            VmStateError: it has no such snapshot.
        """
        return self._ask("POST", of_cell(vm_id, "restore"), VmStatus, RestoreSpec(snapshot=snapshot))

    def lineage(self, vm_id: str) -> Lineage:
        """Return whom a cell descends from, and who from it."""
        return self._ask("GET", of_cell(vm_id, "lineage"), Lineage)

    def history(self, vm_id: str, *, after: int = 0, limit: int = 100) -> HistoryPage:
        """Return what was computed on a cell, the first first."""
        return self._ask("GET", of_cell(vm_id, f"history?after={after}&limit={limit}"), HistoryPage)

    def replay(self, vm_id: str, *, after: int = 0, limit: int = 100) -> Replay:
        """Compute once more what was computed on a cell, and compare the bytes."""
        return self._ask("POST", of_cell(vm_id, f"replay?after={after}&limit={limit}"), Replay)

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
        wanted = {"state": state, "biological_type": biological_type, "after": after, "limit": limit}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        return self._ask("GET", f"/vms?{query}", VmPage)

    def __iter__(self) -> Iterator[VmStatus]:
        after: str | None = None
        while True:
            page = self.page(after=after, limit=1000)
            yield from page.vms
            after = page.next
            if after is None:
                return

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

    def _ask(self, method: str, path: str, answer: type[A], body: Message | None = None) -> A:
        """Return the answer. What was posted is never sent twice: the first time may have changed a cell."""
        text = None if body is None else body.model_dump_json(exclude_unset=True)
        return read_message(self._send(method, path, text, tries=1 if method == "POST" else 2), answer)


def _as(message: type[M], given: M | Mapping[str, Any]) -> M:
    return parse(message, given) if isinstance(given, Mapping) else given
