"""One process on many cells as one batch: each cell's edits are a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioxen.errors import UnknownProcessError, ValidationError, did_you_mean
from bioxen.protocol.base import parse
from bioxen.protocol.bulk import PopulationRun
from bioxen.protocol.metabolic import BatchRequest, FbaRequest, Variant
from bioxen.protocol.metabolic.request import MetabolicRequest
from bioxen.protocol.processes import Process, find_process, process_codes
from bioxen.server.hypervisor.changes import placed
from bioxen.server.hypervisor.images import context_of, delta_of, living_of
from bioxen.server.hypervisor.living import started
from bioxen.server.store.cells import CellRecord
from bioxen.vm.lifecycle import require_running
from bioxen.vm.requests import build_request

OF_A_VARIANT = frozenset(Variant.model_fields)
OF_ALL = frozenset(MetabolicRequest.model_fields) - OF_A_VARIANT - {"vm_id"}
OF_A_BATCH = frozenset({"process_code", "report", "reactions"})
"""What a batch of flux balance analyses says itself; anything more makes it a batch of analyses."""


def batch_of(records: Sequence[CellRecord], run: PopulationRun) -> BatchRequest:
    """Return the batch whose variants are these cells.

    Raises:
        UnknownProcessError: there is no such process.
        VmStateError: a cell is not running.
        ValidationError: the process has no batches, or the cells cannot share one.
    """
    process = _metabolic(run.process_code)
    requests: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    variants: list[Variant] = []
    made: dict[tuple[str, str, str | None], Variant] = {}
    for number, record in enumerate(records):
        with placed(f"vm_ids.{number}", len(records)):
            require_running(record.state, record.vm_id)  # type: ignore[arg-type]  # the database checks it
        key = (record.image, record.delta, record.living)
        if key not in made:
            with placed(f"vm_ids.{number}", len(records)):
                requests[key] = fields = _fields(process, record, run)
                made[key] = _variant(fields)
                _check_same(requests, fields, record)
        variants.append(made[key])
    return _batch(next(iter(requests.values())), variants, run, process)


def _metabolic(code: str) -> Process:
    process = find_process(code)
    if process is None:
        details = {"place": "process_code", **did_you_mean(code, process_codes())}
        raise UnknownProcessError(f"No process has the code {code!r}.", details=details)
    if process.service != "static" or process.request is BatchRequest:
        raise UnknownProcessError(
            f"A population cannot run {code!r}: it runs metabolic analyses of one problem.",
            details={
                "place": "process_code",
                "remedy": "Run it on each cell by POST /vms/{vm_id}/processes.",
            },
        )
    return process


def _fields(process: Process, record: CellRecord, run: PopulationRun) -> dict[str, Any]:
    fields = started(run.process_code, run.context, delta_of(record.delta), living_of(record.living))
    request = build_request(process, run.process_code, context_of(record, fields))
    return request.model_dump(exclude_defaults=True, exclude={"vm_id"}) | {"process_code": run.process_code}


def _variant(fields: Mapping[str, Any]) -> Variant:
    return parse(Variant, {name: value for name, value in fields.items() if name in OF_A_VARIANT})


def _shared(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in OF_A_VARIANT}


def _check_same(known: Mapping[Any, Mapping[str, Any]], fields: dict[str, Any], record: CellRecord) -> None:
    """Check that a cell differs from the first one in nothing but what a variant can say."""
    first = _shared(next(iter(known.values())))
    mine = _shared(fields)
    differing = sorted(name for name in {*first, *mine} if first.get(name) != mine.get(name))
    if differing:
        raise ValidationError(
            f"The cell {record.vm_id!r} differs from the first one in {', '.join(differing)}.",
            details={"remedy": "Run cells that share those together, or each by itself."},
        )


def _batch(
    fields: dict[str, Any], variants: list[Variant], run: PopulationRun, process: Process
) -> BatchRequest:
    shared = {name: value for name, value in fields.items() if name in OF_ALL}
    own = {name: value for name, value in _shared(fields).items() if name not in OF_ALL}
    batch: dict[str, Any] = {**shared, "process_code": "metabolic_batch", "variants": variants}
    if process.request is FbaRequest and own.keys() <= OF_A_BATCH:
        batch["report"] = run.context.get("report", "objective")
        batch["reactions"] = own.get("reactions")
    else:
        batch["analysis"] = own
    return parse(BatchRequest, batch)
