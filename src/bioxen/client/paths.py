"""Paths of one cell and of one job. An id that none can have is not asked for: it could be another path."""

from __future__ import annotations

import re

from bioxen.errors import JobNotFoundError, VmNotFoundError

_ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}")
REMEDY = "An id has letters, digits, and _ . - only."


def of_cell(vm_id: str, *more: str) -> str:
    """Return the path of a cell, or of what is its: `more`.

    Raises:
        VmNotFoundError: no cell can have that id.
    """
    if not _ID.fullmatch(vm_id):
        raise VmNotFoundError(f"There is no cell {vm_id!r}.", details={"place": "vm_id", "remedy": REMEDY})
    return "/".join(("/vms", vm_id, *more))


def of_job(job_id: str, *more: str) -> str:
    """Return the path of a job, or of what is its: `more`.

    Raises:
        JobNotFoundError: no job can have that id.
    """
    if not _ID.fullmatch(job_id):
        raise JobNotFoundError(f"There is no job {job_id!r}.", details={"place": "job_id", "remedy": REMEDY})
    return "/".join(("/jobs", job_id, *more))
