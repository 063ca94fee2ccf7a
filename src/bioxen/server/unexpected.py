"""A mistake of BioXen's own: logged with its traceback, and told with the id that its log line has."""

from __future__ import annotations

import logging

from bioxen.errors import ComputationError
from bioxen.server.workers import tracing


def told(error: BaseException, where: str, log: logging.Logger) -> ComputationError:
    """Log an exception that nobody foresaw, and return it in words for the person who asked.

    Args:
        error: the exception.
        where: what was being done, for the log.
        log: where it is written.
    """
    log.error("unexpected error in %s", where, exc_info=error)
    return ComputationError(
        f"The service failed: {type(error).__name__}.",
        details={
            "request_id": tracing.current(),
            "remedy": "This is a mistake in BioXen; please report it with the traceback of its log.",
        },
    )
