"""Paths of a cell, a job, a model. An id that none can have is not asked for: it could be another path."""

from __future__ import annotations

import re

from bioxen.errors import BioXenException, JobNotFoundError, ModelNotFoundError, VmNotFoundError

_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9_.\-]{1,128}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,99}")
REMEDY = "An id has letters, digits, and _ . - only."


def of_cell(vm_id: str, *more: str) -> str:
    """Return the path of a cell, or of what is its: `more`.

    Raises:
        VmNotFoundError: no cell can have that id.
    """
    _check(_ID, vm_id, "cell", "vm_id", VmNotFoundError)
    return "/".join(("/vms", vm_id, *more))


def of_job(job_id: str, *more: str) -> str:
    """Return the path of a job, or of what is its: `more`.

    Raises:
        JobNotFoundError: no job can have that id.
    """
    _check(_ID, job_id, "job", "job_id", JobNotFoundError)
    return "/".join(("/jobs", job_id, *more))


def of_model(name: str, *more: str) -> str:
    """Return the path of a model, or of what is its: `more`.

    Raises:
        ModelNotFoundError: no model can have that id or digest.
    """
    _check(_MODEL, name, "model", "model", ModelNotFoundError)
    return "/".join(("/models", name, *more))


def _check(form: re.Pattern[str], given: str, what: str, place: str, error: type[BioXenException]) -> None:
    if not form.fullmatch(given):
        raise error(f"There is no {what} {given!r}.", details={"place": place, "remedy": REMEDY})
