"""Where compiled models and compiled code are kept between processes."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

import platformdirs


def cache_folder(*parts: str) -> Path | None:
    """Return a folder of the user's own cache, made where missing; `None` where nothing can be kept.

    `BIOXEN_CACHE` moves the cache; an empty value switches it off. A folder that somebody else owns, or
    that others may write to, is not used: what lies in it is loaded as it is.
    """
    root = os.environ.get("BIOXEN_CACHE")
    if root == "":
        return None
    folder = Path(root or platformdirs.user_cache_dir("bioxen")).joinpath(*parts)
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
        if state.st_uid == os.geteuid() and not state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            with tempfile.TemporaryFile(dir=folder):
                return folder
    return None
