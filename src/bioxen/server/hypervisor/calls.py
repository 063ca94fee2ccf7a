"""Processes of kept cells as jobs: the request from where the cell stands, and what the result does to it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from bioxen.errors import ConfigurationError, UnknownProcessError, VmNotFoundError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.cells import CellProcessCall
from bioxen.protocol.kinetic import KineticRequest, KineticResult
from bioxen.protocol.metabolic import MetabolicResult
from bioxen.protocol.processes import find_process, process_codes
from bioxen.protocol.request import ComputeRequest
from bioxen.server.hypervisor import changes
from bioxen.server.hypervisor.execution import as_json, digest_of
from bioxen.server.hypervisor.images import context_of, delta_of, image_of, living_of
from bioxen.server.hypervisor.living import advanced, require_advancing, started
from bioxen.server.jobs.calls import CellCall, is_call
from bioxen.server.store import cells
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.history import Computed
from bioxen.vm.cache import cache_key
from bioxen.vm.lifecycle import require_running
from bioxen.vm.requests import build_request


class KeptCellCalls:
    """Makes the requests of cells' jobs, and moves the cells on (`CellCalls`)."""

    def resolve(self, connection: Connection, owner: str, document: str) -> str:
        """Return the document of a job that begins, with the request from where its cell stands now.

        Raises:
            VmNotFoundError: the cell is gone.
            VmStateError: it does not run.
            ValidationError: the context does not suit it any more.
        """
        if not is_call(document):
            return document
        asked = parse(CellCall, document)
        if asked.request is not None:  # it is resumed, and started from where the cell stood then
            return document
        record = cells.find(connection, owner, asked.cell)
        made = asked.created_at or record.created_at  # an earlier version noted none
        if (record.cell_id, record.created_at) != (asked.cell_id, made):
            raise VmNotFoundError(
                f"The cell {asked.cell!r} that the job was for is destroyed; this is another of that name.",
                details={"place": "vm_id", "remedy": "Submit the process again for the new cell."},
            )
        request = request_of(record, asked.call).model_dump_json(exclude_none=True)
        return asked.model_copy(update={"before": record, "request": request}).model_dump_json()

    def settle(self, owner: str, document: str, result: bytes) -> Callable[[Connection], None]:
        """Return the change that notes a result in the cell's history, and moves the cell on if it was to.

        Raises:
            ComputationError: no cell can go on from there.
        """
        asked = parse(CellCall, document)
        before, call = asked.before, asked.call
        process = find_process(call.process_code)
        assert before is not None and asked.request is not None and process is not None  # noqa: S101
        kind = KineticResult if issubclass(process.request, KineticRequest) else MetabolicResult
        results = parse(kind, result).model_dump(mode="json")
        living = living_of(before.living)
        done = Computed(
            process_code=call.process_code,
            context=as_json(call.context),
            advance=call.advance,
            delta=before.delta,
            living=before.living,
            request_digest=cache_key(parse(process.request, asked.request)),
            result_digest=digest_of(results),
        )
        after = advanced(living, results) if call.advance else living
        return lambda connection: changes.note(connection, owner, before, done, after)


def request_of(record: CellRecord, call: CellProcessCall) -> ComputeRequest:
    """Return what a process on a cell asks of a service.

    Raises:
        VmStateError: the cell does not run.
        UnknownProcessError: no engine has such a process.
        ConfigurationError: the cell asks no services.
        ValidationError: the process cannot advance a cell, or the context is wrong.
    """
    process = find_process(call.process_code)
    if process is None:
        details = {"place": "process_code", **did_you_mean(call.process_code, process_codes())}
        raise UnknownProcessError(f"No engine has a process {call.process_code!r}.", details=details)
    require_running(record.state, record.vm_id)  # type: ignore[arg-type]  # the database checks it
    image = image_of(record.image)
    if image.mode == "symbolic" or not image.services:
        raise ConfigurationError(
            f"The cell {record.vm_id!r} asks no services, so nothing would be computed.",
            details={
                "place": "vm_id",
                "remedy": "Make it with the type lightweight, or run the process at once.",
            },
        )
    if call.advance:
        require_advancing(call.process_code, call.context)
    fields = started(call.process_code, call.context, delta_of(record.delta), living_of(record.living))
    return build_request(process, call.process_code, context_of(record, fields))
