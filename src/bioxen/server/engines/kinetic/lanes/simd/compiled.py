"""numba for the drivers, with a cache of compiled code that belongs to exactly these sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.metabolic.cache_folder import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])


def _sources() -> str:
    """Return a digest of the sources of all drivers: numba looks at a function's own file alone."""
    files = sorted(Path(__file__).parent.parent.rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


_FOLDER = cache_folder("code", f"lanes-{WIDTH}-{_sources()}")


def compiled(function: Function) -> Function:
    """Return `function` as machine code, kept on disk, that runs without the interpreter's lock."""
    return _compiled(function)


def lean(function: Function) -> Function:
    """Return `function` as machine code that makes no arrays, and so need not count who uses those it has.

    Counting locks memory at every call: a sixth of the time of a small model.
    """
    return _compiled(function, _nrt=False)


def inlined(function: Function) -> Function:
    """Return a lean function to be compiled into its callers: its loops unroll where they pass constants."""
    return _compiled(function, _nrt=False, forceinline=True)


def _compiled(function: Function, **flags: bool) -> Function:
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    if _FOLDER is not None:
        config.CACHE_DIR = str(_FOLDER)  # type: ignore[attr-defined]
    try:
        decorate: Any = numba.njit
        options = {"cache": _FOLDER is not None, "error_model": "numpy", "nogil": True}
        fast: Any = decorate(**options, **flags)(function)
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
    return cast("Function", fast)
