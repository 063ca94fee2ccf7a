"""Symbolic execution: what a process would be, and why it was not computed. No number is made up.

The result carries the request that would have been sent, checked as a service would check it, and the
chassis' measured facts that bear on the process, each with its source. They are facts, not results.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from time import perf_counter
from typing import Any

from bioxen.chassis import ChassisConfig, Fact
from bioxen.errors import BioXenException
from bioxen.protocol.processes import Route, Service
from bioxen.protocol.request import ComputeRequest
from bioxen.protocol.result import LOCAL_SYMBOLIC, ProcessResult
from bioxen.vm.requests import VmContext

TEXT_SHOWN = 200
"""Characters of a model's text that the request in a symbolic result repeats."""

BEARING: dict[Service, tuple[str, ...]] = {
    "static": ("doubling", "growth", "uptake", "yield", "maintenance", "biomass", "gene_count"),
    "dynamic": ("doubling", "mrna", "protein", "half_life", "rate", "ribosome", "volume"),
}
"""Parts of the names of facts that bear on a service's processes."""

HOURS = {"h": 1.0, "hour": 1.0, "hours": 1.0, "min": 1 / 60, "minutes": 1 / 60, "s": 1 / 3600}


def symbolic_result(
    code: str,
    cell: VmContext,
    route: Route,
    reason: str | BioXenException,
    *,
    request: ComputeRequest | None,
    started: float,
) -> ProcessResult:
    """Return the labelled symbolic result of a process.

    Args:
        code: the process code as it was asked.
        cell: the cell that asks.
        route: where the code belongs.
        reason: why nothing was computed, or the fault that was met.
        request: what would have been sent; null where no engine knows the code.
        started: `perf_counter()` at the asking.
    """
    title = route.process.title if route.process else route.accelerated_type or f"the process {code!r}"
    return ProcessResult(
        status="success",
        execution_type="symbolic",
        computation_service=LOCAL_SYMBOLIC,
        process_code=code,
        vm_id=cell.vm_id,
        biological_output=f"symbolic: {title} on {cell.chassis.biological_type} was not computed",
        execution_time=perf_counter() - started,
        symbolic=True,
        reason=str(reason),
        service_results={
            "process": _process(code, route),
            "request": None if request is None else _shown(request),
            "facts": list(_facts(cell.chassis, route)),
            "fault": reason.to_problem() if isinstance(reason, BioXenException) else None,
        },
    )


def _process(code: str, route: Route) -> dict[str, Any]:
    process = route.process
    return {
        "code": code,
        "title": process.title if process else None,
        "kisao": process.kisao if process else None,
        "service": route.service,
        "accelerated_type": route.accelerated_type,
        "near_matches": list(route.near_matches),
    }


def _shown(request: ComputeRequest) -> dict[str, Any]:
    """Return the request's fields, a model's text cut to its beginning."""
    fields = request.model_dump(mode="json", exclude_none=True)
    for name in ("sbml", "cobra_json", "kinetic_code"):
        text = fields.get(name)
        if text is not None and len(text) > TEXT_SHOWN:
            fields[name] = f"{text[:TEXT_SHOWN]}… ({len(text)} characters)"
    return fields


def _facts(chassis: ChassisConfig, route: Route) -> Iterator[dict[str, Any]]:
    service = route.service or ("dynamic" if route.accelerated_type else None)
    words = BEARING[service] if service else ()
    for name, fact in chassis.facts.items():
        if any(word in name.casefold() for word in words):
            yield {"kind": "measured fact, not a result", "name": name, **fact.model_dump(mode="json")}
            if "doubling" in name:
                yield from _growth_rate(name, fact)


def _growth_rate(name: str, fact: Fact) -> Iterator[dict[str, Any]]:
    """Give the growth rate that a measured doubling time means, where its unit is one of time."""
    hours = fact.value * HOURS.get(fact.unit, 0.0)
    if hours > 0:
        yield {
            "kind": "follows from a measured fact, not a result",
            "name": "expected_growth_rate",
            "value": math.log(2) / hours,
            "unit": "1/h",
            "condition": fact.condition,
            "source": f"ln 2 / {name}; {fact.source}",
        }
