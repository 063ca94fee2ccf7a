"""Processes on kept cells: where each starts, what it leaves, what is noted of it, and the same once more."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from bioxen.protocol.cells import CellProcessCall, Living
from bioxen.protocol.lineage import Replayed
from bioxen.protocol.processes import find_process
from bioxen.protocol.result import ProcessResult
from bioxen.server.cache import fresh
from bioxen.server.hypervisor.images import context_of, delta_of, living_of
from bioxen.server.hypervisor.living import advanced, require_advancing, started
from bioxen.server.store.cells import CellRecord
from bioxen.server.store.history import Computed, Past
from bioxen.vm.cache import ResultCache, cache_key
from bioxen.vm.execution import BiologicalComputationHypervisor
from bioxen.vm.lifecycle import require_running
from bioxen.vm.requests import build_request

WHO_ASKED = "vm_id"
"""The field of a result that tells the cell apart: forks give the same digests."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A process that ran on a cell."""

    result: ProcessResult
    done: Computed | None
    """What to note of it; null where nothing was computed by an engine of BioXen."""
    living: Living | None
    """Where the cell stands now."""


def run(
    record: CellRecord,
    call: CellProcessCall,
    router: BiologicalComputationHypervisor,
    cache: ResultCache | None,
) -> Ran:
    """Return what a process gives on a cell.

    Raises:
        VmStateError: the cell is not running.
        ValidationError: the process cannot advance a cell, or the context is wrong.
        BioXenException: see `BiologicalComputationHypervisor.execute_biological_process`.
    """
    require_running(record.state, record.vm_id)  # type: ignore[arg-type]  # the database checks it
    if call.advance:
        require_advancing(call.process_code, call.context)
    before = living_of(record.living)
    fields = started(call.process_code, call.context, delta_of(record.delta), before)
    context = context_of(record, fields, cache)
    result = router.execute_biological_process(call.process_code, context)
    process = find_process(call.process_code)
    if process is None or result.symbolic or result.service_results is None:
        return Ran(result, None, before)
    after = advanced(before, result.service_results) if call.advance else before
    done = Computed(
        process_code=call.process_code,
        context=as_json(call.context),
        advance=call.advance,
        delta=record.delta,
        living=record.living,
        request_digest=cache_key(build_request(process, call.process_code, context)),
        result_digest=digest_of(result.service_results),
    )
    return Ran(result, done, after)


def again(record: CellRecord, past: Past, router: BiologicalComputationHypervisor) -> Replayed:
    """Compute once more what was computed on a cell, from where it stood then; no cache has a say in it.

    Raises:
        BioXenException: it cannot be computed now.
    """
    then = replace(record, delta=past.delta, living=past.living)
    given = msgspec.json.decode(past.context)
    fields = started(past.process_code, given, delta_of(then.delta), living_of(then.living))
    context = replace(context_of(then, fields), mode="real")
    process = find_process(past.process_code)
    assert process is not None  # noqa: S101 - only what engines compute is noted
    with fresh.wanted():
        result = router.execute_biological_process(past.process_code, context)
    request_digest = cache_key(build_request(process, past.process_code, context))
    result_digest = digest_of(result.service_results or {})
    same = (request_digest, result_digest) == (past.request_digest, past.result_digest)
    return Replayed(
        number=past.number,
        process_code=past.process_code,
        same=same,
        request_digest=request_digest,
        result_digest=result_digest,
    )


def digest_of(result: Mapping[str, Any]) -> str:
    """Return the sha256 of a result's canonical JSON, whoever asked for it."""
    told = {name: value for name, value in result.items() if name != WHO_ASKED}
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def as_json(context: Mapping[str, Any]) -> str:
    """Return a context as it is kept."""
    return msgspec.json.encode(dict(context), order="sorted").decode()
