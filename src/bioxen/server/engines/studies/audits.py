"""Audits of blocks put together."""

from __future__ import annotations

from collections.abc import Iterable

from bioxen.protocol.kinetic import Audit


def merged(audits: Iterable[Audit | None]) -> Audit | None:
    """Return the audit of all blocks; `None` where none of them had one."""
    found = [audit for audit in audits if audit is not None]
    if not found:
        return None
    return Audit(
        members=sum(audit.members for audit in found),
        largest_in_tolerances=_largest(audit.largest_in_tolerances for audit in found),
        largest_relative=_largest(audit.largest_relative for audit in found),
        refused=sum(audit.refused for audit in found),
    )


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
