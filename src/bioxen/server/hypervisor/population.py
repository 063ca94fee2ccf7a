"""One process on many cells as one batch: how each cell differs is a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bioxen.errors import UnknownProcessError, ValidationError, did_you_mean
from bioxen.protocol.bulk import PopulationRun
from bioxen.protocol.kinetic import KineticBatchRequest
from bioxen.protocol.metabolic import BatchRequest
from bioxen.protocol.processes import PROCESSES, Process, find_process, process_codes
from bioxen.server.hypervisor.changes import placed
from bioxen.server.hypervisor.images import context_of, delta_of, living_of
from bioxen.server.hypervisor.kinetic_population import RUNNABLE, KineticPopulation
from bioxen.server.hypervisor.living import started
from bioxen.server.hypervisor.metabolic_population import MetabolicPopulation
from bioxen.server.store.cells import CellRecord
from bioxen.vm.lifecycle import require_running
from bioxen.vm.requests import build_request

Kind = MetabolicPopulation | KineticPopulation


def batch_of(records: Sequence[CellRecord], run: PopulationRun) -> BatchRequest | KineticBatchRequest:
    """Return the batch whose variants are these cells.

    Raises:
        UnknownProcessError: there is no such process.
        VmStateError: a cell is not running.
        ValidationError: the process has no batches, or the cells cannot share one.
    """
    kind = _kind(run)
    shared, changes = _collected(records, kind)
    if isinstance(kind, MetabolicPopulation):
        return kind.batch(shared, changes)
    if kind.each_has_a_seed:
        seeds = (context_of(record, {}).seed for record in records)
        changes = [{**own, "seed": seed} for own, seed in zip(changes, seeds, strict=True)]
    return kind.batch(shared, changes)


def _kind(run: PopulationRun) -> Kind:
    code = run.process_code
    process = find_process(code)
    if process is None:
        details = {"place": "process_code", **did_you_mean(code, process_codes())}
        raise UnknownProcessError(f"No process has the code {code!r}.", details=details)
    if process.request in RUNNABLE:
        return KineticPopulation(run, process)
    if _is_metabolic(process):
        return MetabolicPopulation(run, process)
    known = [one.code for one in PROCESSES if one.request in RUNNABLE or _is_metabolic(one)]
    raise UnknownProcessError(
        f"A population cannot run {code!r}. It can run {', '.join(known)}.",
        details={
            "place": "process_code",
            "processes": known,
            "remedy": "Run one of these, or run it on each cell by POST /vms/{vm_id}/processes.",
        },
    )


def _is_metabolic(process: Process) -> bool:
    """Return whether a batch of variants can ask for the process."""
    return process.service == "static" and process.request is not BatchRequest


def _collected(records: Sequence[CellRecord], kind: Kind) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the fields that all cells share, and those that each has of its own."""
    known: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    shared: dict[str, Any] | None = None
    changes: list[dict[str, Any]] = []
    for number, record in enumerate(records):
        key = (record.image, record.delta, record.living)
        with placed(f"vm_ids.{number}", len(records)):
            require_running(record.state, record.vm_id)  # type: ignore[arg-type]  # the database checks it
            if key not in known:
                fields = _fields(kind, record)
                mine = {name: value for name, value in fields.items() if name not in kind.of_variant}
                shared = mine if shared is None else shared
                _check_same(shared, mine, record)
                known[key] = {name: value for name, value in fields.items() if name in kind.of_variant}
        changes.append(known[key])
    return shared or {}, changes


def _fields(kind: Kind, record: CellRecord) -> dict[str, Any]:
    """Return what a cell's own request would say beside what every request has."""
    code = kind.run.process_code
    context = started(code, kind.context, delta_of(record.delta), living_of(record.living))
    request = build_request(kind.process, code, context_of(record, context))
    return request.model_dump(exclude_defaults=True, exclude={"vm_id"}) | {"process_code": code}


def _check_same(first: Mapping[str, Any], mine: Mapping[str, Any], record: CellRecord) -> None:
    """Check that a cell differs from the first one in nothing but what a variant can say."""
    differing = sorted(name for name in {*first, *mine} if first.get(name) != mine.get(name))
    if differing:
        raise ValidationError(
            f"The cell {record.vm_id!r} differs from the first one in {', '.join(differing)}.",
            details={"remedy": "Run cells that share those together, or each by itself."},
        )
