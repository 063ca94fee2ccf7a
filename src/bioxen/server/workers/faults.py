"""The pool's own errors, in words for the person who asked."""

from __future__ import annotations

from bioxen.errors import (
    BioXenException,
    ComputationError,
    ComputationTimeoutError,
    EngineCrashError,
    OverloadError,
    ResourceExhaustionError,
    ServiceUnavailableError,
)
from bioxen.server.workers.capture import without_traceback
from bioxen.server.workers.frames import Failed
from bioxen.server.workers.link import Ticket

_MIB = 1 << 20


def overloaded(queue_limit: int, retry_after: float) -> OverloadError:
    """Return the error for a task that found the queue full."""
    remedy = f"Try again in {retry_after:g} s."
    details = {"retry_after": retry_after, "queue_limit": queue_limit, "remedy": remedy}
    return OverloadError(f"All workers compute and {queue_limit} tasks wait already.", details=details)


def timed_out(ticket: Ticket) -> ComputationTimeoutError:
    """Return the error for a task that was stopped at its deadline."""
    deadline = ticket.task.deadline
    remedy = "Ask for less at once, or allow it more time."
    details = {"deadline": deadline, "engine": ticket.task.engine, "remedy": remedy}
    return ComputationTimeoutError(f"The computation was stopped after {deadline:g} s.", details=details)


def outgrew_memory(used: int, limit: int) -> ResourceExhaustionError:
    """Return the error for a task that was stopped at its worker's memory limit."""
    words = (
        f"The computation was stopped: its worker held {used // _MIB} MiB and may hold {limit // _MIB} MiB."
    )
    remedy = "Ask for less at once, or give the workers a higher memory limit."
    return ResourceExhaustionError(words, details={"used": used, "limit": limit, "remedy": remedy})


def crashed(ticket: Ticket) -> EngineCrashError:
    """Return the error for a task under which its worker died, also when tried again."""
    how = ", then ".join(ticket.deaths)
    tries = len(ticket.deaths)
    details = {
        "engine": ticket.task.engine,
        "model": ticket.task.digest,
        "tries": tries,
        "deaths": ticket.deaths,
        "diagnostics": without_traceback(ticket.diagnostics),
    }
    again = ", also when it was tried once more" if tries > 1 else ""
    return EngineCrashError(f"The worker died under this computation ({how}){again}.", details=details)


def unavailable(cause: BioXenException | None) -> ServiceUnavailableError:
    """Return the error for a task that no worker will compute."""
    if cause is None:
        return ServiceUnavailableError("The worker pool is closed.")
    details = {"cause": cause.to_problem(), "remedy": cause.remedy}
    return ServiceUnavailableError(f"No worker can be started: {cause.message}", details=details)


def stillborn(epitaph: str, words: str) -> EngineCrashError:
    """Return the error for a worker that died before it was ready."""
    details = {"diagnostics": without_traceback(words)}
    return EngineCrashError(f"A worker died while it started ({epitaph}).", details=details)


def told(message: Failed) -> BioXenException:
    """Return the fault that a worker told of, with what the engine's libraries printed meanwhile."""
    try:
        fault = BioXenException.from_problem(message.problem)
    except (KeyError, ValueError):  # an engine with codes of its own
        fault = ComputationError("The engine failed, and said so in words that BioXen does not know.")
    return with_diagnostics(fault, message.output)


def with_diagnostics(fault: BioXenException, words: str) -> BioXenException:
    """Return `fault`, with what was printed under it in its details."""
    printed = without_traceback(words)
    if printed:
        fault.details.setdefault("diagnostics", printed)
    return fault
