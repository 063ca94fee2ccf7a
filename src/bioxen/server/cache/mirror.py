"""A service's cache and its folder, from the service's start to its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from bioxen.server.cache.answers import AnswerCache
from bioxen.server.cache.folder import AnswerFolder
from bioxen.server.cache.origin import made_by


@contextlib.asynccontextmanager
async def mirrored(cache: AnswerCache, root: Path | None, name: str) -> AsyncIterator[None]:
    """Keep a cache in a folder too, from what the last service left there; in none where `root` is absent.

    Raises:
        ConfigurationError: nothing can be written there.
    """
    if root is None or not cache.limit:
        yield
        return
    folder = await asyncio.to_thread(lambda: AnswerFolder(root, name, made_by()))
    try:
        await asyncio.to_thread(lambda: cache.restore(folder.answers(), folder))
        yield
    finally:
        cache.mirror = None
        folder.close()  # in this thread: at the end of an interpreter no other can be started
