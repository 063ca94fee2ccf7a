"""How a job's end is written down: by whatever it ended, it has one that can be read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bioxen.errors import BioXenException, JobStateError
from bioxen.server import unexpected
from bioxen.server.jobs.patience import PatientStore
from bioxen.server.jobs.results import Change
from bioxen.server.store import jobs
from bioxen.server.workers import tracing

log = logging.getLogger("bioxen.jobs")


class Endings:
    """Records the ends of jobs.

    Args:
        store: where the jobs are.
    """

    def __init__(self, store: PatientStore) -> None:
        self.trouble: str | None = None
        """A job whose end could not be recorded."""
        self._store = store

    async def record(self, job_id: str, change: Change) -> None:
        """Write down how a job ended; where that cannot be, that it failed. Only its first end counts."""
        try:
            with contextlib.suppress(JobStateError):
                await self._store.write(change)
        except Exception as error:  # its cell was changed in the meantime, say
            await self._record_failure(job_id, in_words(error))

    async def _record_failure(self, job_id: str, fault: BioXenException) -> None:
        try:
            with contextlib.suppress(JobStateError):
                await self._store.write(failing(job_id, fault))
        except Exception as error:  # the next server begins the job again
            self.trouble = f"The end of the job {job_id} could not be recorded: {type(error).__name__}."
            log.critical(self.trouble, exc_info=error)


def failing(job_id: str, fault: BioXenException) -> Change:
    """Return the change that ends a job with a fault."""
    return lambda connection: jobs.fail(connection, job_id, fault.to_problem())


def in_words(error: BaseException) -> BioXenException:
    """Return the fault for whatever was raised; what is nobody's fault but BioXen's is logged."""
    return error if isinstance(error, BioXenException) else unexpected.told(error, "a job", log)


def name_of(job_id: str, part: int | None = None) -> str:
    """Return the id under which a job, or a part of one, stands in the logs."""
    return f"job-{job_id}" if part is None else f"job-{job_id}-{part}"


async def lived(
    name: str, life: Coroutine[Any, Any, None], fail: Callable[[BioXenException], Awaitable[None]]
) -> None:
    """Await `life` under its name; a mistake in it is given to `fail`, and never lost."""
    with tracing.named(name):
        try:
            await life
        except asyncio.CancelledError as error:
            if _is_to_stop():
                raise
            await fail(in_words(error))
        except Exception as error:
            await fail(in_words(error))


def _is_to_stop() -> bool:
    """Return whether somebody wants this task to end: libraries raise `CancelledError` also by mistake."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
