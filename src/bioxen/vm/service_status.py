"""How cells compute: which services they ask, and how those are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bioxen.protocol.cells import ComputationServiceStatus, ExecutionMode
from bioxen.protocol.services import HealthReport

if TYPE_CHECKING:
    from bioxen.client import BiologicalComputationClient


def service_status(
    client: BiologicalComputationClient | None, mode: ExecutionMode, *, asks: bool = True
) -> ComputationServiceStatus:
    """Return how cells compute; asks the services how they are.

    Args:
        client: reaches the services; null where there are none.
        mode: how the cells execute.
        asks: whether they may ask services at all.
    """
    health = client.check_service_health() if client else {}
    return ComputationServiceStatus(
        service_based=asks,
        computation_service_urls=dict(client.urls) if client else {},
        service_health={name: _word(report) for name, report in health.items()},
        vm_computation_mode="service_client" if asks and mode != "symbolic" else "symbolic_only",
        execution_mode=mode,
    )


def _word(report: HealthReport | str) -> str:
    """Return `healthy`, `degraded`, `unhealthy` or, for a reason in place of a report, `unreachable`."""
    return "unreachable" if isinstance(report, str) else report.status
