"""numba, with a cache of compiled code that belongs to exactly these sources."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

from bioxen.server.engines.metabolic.cache_folder import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])


def _sources() -> str:
    """Return a digest of the kernel's sources."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


# numba notices a change in a function's own file, not in what that function calls from another: hence a
# folder for each state of the sources. It is the user's own, for the installation may be read-only.
_FOLDER = cache_folder("code", _sources())
_ARITHMETIC = {"reassoc", "contract", "nsz"}
"""Sums may be taken in several strands, whose order is fixed when they are compiled. NaN and ∞ stay what
they are."""


def compiled(function: Function) -> Function:
    """Return `function` as machine code, kept on disk, for compiled functions to call; without threads.

    Nothing leads to it from Python: called from there it ends the process. `entry` is for that.
    """
    return _compile(function, no_cpython_wrapper=True)


def entry(function: Function) -> Function:
    """Return `function` as machine code that Python may call too."""
    return _compile(function)


def _compile(function: Function, **flags: bool) -> Function:
    options: dict[str, Any] = flags | {"cache": _FOLDER is not None, "no_cfunc_wrapper": True}
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    if _FOLDER is not None:
        config.CACHE_DIR = str(_FOLDER)  # type: ignore[attr-defined]
    try:
        fast: Any = numba.njit(error_model="numpy", fastmath=_ARITHMETIC, **options)(function)
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
    return cast("Function", fast)
