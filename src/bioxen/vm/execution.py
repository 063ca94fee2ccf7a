"""Routes a process for a cell that holds no engine: to a service, to a third party's tool, or to a label.

What each mode promises:

========  ===========================================================================================
symbolic  nothing is asked
real      a computed result or an exception, never a fallback
hybrid    a computed result; a symbolic one, labelled, where *nothing real can run*; an exception where
          something ran and failed, since a fallback must not hide an error
========  ===========================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from bioxen.errors import (
    BioXenException,
    MissingModuleError,
    OverloadError,
    ServiceUnavailableError,
    UnknownProcessError,
    near_matches,
)
from bioxen.protocol.kinetic import KineticResult
from bioxen.protocol.processes import Route, process_codes, route
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.result import ProcessResult
from bioxen.protocol.services import ProcessInfo
from bioxen.vm.cache import cache_key
from bioxen.vm.describe import kinetic_line, metabolic_line
from bioxen.vm.requests import VmContext, build_request
from bioxen.vm.scheduling import Turns
from bioxen.vm.symbolic import symbolic_result

if TYPE_CHECKING:
    from bioxen.client import BiologicalComputationClient

NOTHING_REAL = (ServiceUnavailableError, OverloadError, UnknownProcessError, MissingModuleError)
"""The faults that mean that nothing real can run; hybrid mode falls back on these alone."""
IN_SYMBOLIC_MODE = "the cell {!r} is in symbolic mode; enable_enhanced_execution() lets it ask services"
FAILED = ("failed", "numeric")
"""The outcomes that are none: the computation ran and found no answer it can stand by."""


class BiologicalComputationHypervisor:
    """Executes processes for cells; holds a client, and no engine.

    Args:
        client: asks the services; without one every process is symbolic, or an error in real mode.
        turns: bounds how many processes are at the services at once.
    """

    def __init__(self, client: BiologicalComputationClient | None = None, turns: Turns | None = None) -> None:
        self.client = client
        self._turns = turns or Turns()

    def execute_biological_process(
        self, process_code: str, vm_context: VmContext | Mapping[str, Any]
    ) -> ProcessResult:
        """Return the result of a process, computed or labelled symbolic as the cell's mode allows.

        Args:
            process_code: such as `metabolic_fba`; see `protocol.processes`.
            vm_context: the cell, or a mapping with `vm_id`, `biological_type`, `execution_mode` (`hybrid`
                where absent) and the fields of the process's request.

        Raises:
            ValidationError: the context does not suit the process.
            UnknownProcessError: real mode, and no engine or tool knows the code.
            ServiceUnavailableError: real mode, and no service can be reached.
            BioXenException: the service's own fault, in both modes.
        """
        started = perf_counter()
        cell, where = VmContext.of(vm_context), route(process_code)
        request = build_request(where.process, process_code, cell) if where.process else None
        reason: str | BioXenException = IN_SYMBOLIC_MODE.format(cell.vm_id)
        if cell.mode != "symbolic":
            try:
                if request is not None:
                    return self._computed(request, cell, started)
                return self._by_tool(process_code, cell, where, started)
            except NOTHING_REAL as fault:
                if cell.mode == "real":
                    raise
                reason = fault
        return symbolic_result(process_code, cell, where, reason, request=request, started=started)

    def _computed(self, request: ComputeRequest, cell: VmContext, started: float) -> ProcessResult:
        if cell.cache is None:
            return self._asked(request, cell, started)
        key = cache_key(request)
        known = cell.cache.get(key)
        if known is not None:
            return known.model_copy(
                update={"vm_id": cell.vm_id, "cache_hit": True, "execution_time": perf_counter() - started}
            )
        result = self._asked(request, cell, started)
        cell.cache.put(key, result)
        return result

    def _asked(self, request: ComputeRequest, cell: VmContext, started: float) -> ProcessResult:
        client = self._required_client()
        with self._turns.turn(cell.vm_id, cell.priority):
            computed = client.computed(request)
        answer = computed.result
        if isinstance(answer, KineticResult):
            line = kinetic_line(answer)
        else:
            line = metabolic_line(answer, cell.chassis.objective)
        return ProcessResult(
            status="failed" if answer.status in FAILED else "success",
            execution_type="service_based_computation",
            computation_service=answer.computation_service,
            process_code=answer.process_code,
            vm_id=cell.vm_id,
            biological_output=line,
            execution_time=perf_counter() - started,
            cache_hit=computed.cache_hit,
            service_results=answer.model_dump(mode="json"),
        )

    def _by_tool(self, code: str, cell: VmContext, where: Route, started: float) -> ProcessResult:
        """Ask the third-party tool that lists `code`; it gets the context and how the cell differs."""
        client = self.client
        listed = client.supported_processes() if client and "tools" in client.urls else []
        tool = next((one for one in listed if code in (one.code, *one.aliases)), None)
        if client is None or tool is None:
            raise _unknown(code, where, listed)
        about = {
            "vm_id": cell.vm_id,
            "chassis_type": cell.chassis.biological_type,
            "delta": cell.delta.model_dump(mode="json", exclude_defaults=True),
        }
        with self._turns.turn(cell.vm_id, cell.priority):
            answer = client.request_tool_computation(code, {**about, **cell.fields})
        if answer.get("symbolic"):
            raise ServiceUnavailableError(
                f"The tool {tool.service} computed nothing: {answer.get('reason')}."
            )
        return ProcessResult(
            status="failed" if answer.get("status") in FAILED else "success",
            execution_type="service_based_computation",
            computation_service=f"tool {tool.service}",
            process_code=code,
            vm_id=cell.vm_id,
            biological_output=str(answer.get("biological_output", f"{tool.title}: see service_results")),
            execution_time=perf_counter() - started,
            accelerated=answer.get("accelerated") is True,
            service_results=answer,
        )

    def _required_client(self) -> BiologicalComputationClient:
        if self.client is None:
            raise ServiceUnavailableError(
                "No computation service is configured.",
                details={"remedy": "Start the services with `bioxen up`, and give the cell their URLs."},
            )
        return self.client


def _unknown(code: str, where: Route, listed: list[ProcessInfo]) -> UnknownProcessError:
    close = near_matches(code, {*process_codes(), *(one.code for one in listed)})
    kind = f", of the type {where.accelerated_type}," if where.accelerated_type else ""
    return UnknownProcessError(
        f"No engine or tool is registered for the process {code!r}{kind} and none is guessed.",
        details={
            "place": "process_code",
            "near_matches": close,
            "remedy": f"Did you mean {', '.join(close)}?" if close else "Register a tool that computes it.",
        },
    )
