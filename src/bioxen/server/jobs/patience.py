"""Jobs have time: what finds the store full or away waits, since what was computed is not thrown away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from bioxen.errors import BioXenException, OverloadError, ServiceUnavailableError
from bioxen.server.store import faults
from bioxen.server.store.store import Store

log = logging.getLogger("bioxen.jobs")
T = TypeVar("T")
PATIENCE = 1.0
"""Seconds after which what found the services or the store full or away is tried again."""
PASSING = (OverloadError, ServiceUnavailableError)
"""Faults of the moment, not of the job."""


class PatientStore:
    """A store whose answers are waited for until it can give them.

    Args:
        store: the store; any other fault than that it is full or away passes through.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, change: Callable[..., T], *arguments: Any) -> T:
        """Do what `Store.write` does, once there is room."""
        return await when_it_can(lambda: self._store.write(change, *arguments))

    async def keep(self, content: bytes) -> str:
        """Do what `Store.keep` does, once there is room."""
        return await when_it_can(lambda: self._store.keep(content))

    async def fetch(self, digest: str) -> bytes:
        """Do what `Store.fetch` does, once the disk answers."""
        return await when_it_can(lambda: self._store.fetch(digest))


async def when_it_can(call: Callable[[], Awaitable[T]]) -> T:
    """Return what `call` returns, as soon as the store can do it."""
    while True:
        try:
            return await call()
        except BioXenException as error:
            if not faults.is_stores(error):
                raise
            log_trouble(error)
        await asyncio.sleep(PATIENCE)


async def until_services_can(call: Callable[[], Awaitable[T]]) -> T:
    """Return what `call` returns, as soon as the services have room for it."""
    while True:
        try:
            return await call()
        except PASSING as error:
            log.info("A part waits: %s", error)
            await asyncio.sleep(float(error.details.get("retry_after", PATIENCE)))


def log_trouble(error: Exception) -> bool:
    """Say why jobs wait; where that is nothing known, with the trace. Return whether it will pass."""
    known = isinstance(error, BioXenException) and faults.is_stores(error)
    log.warning("Jobs wait: %s", error, exc_info=None if known else error)
    return known
