"""numba, with a cache of compiled code that belongs to exactly the sources it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config

from bioxen.server.engines.cache_folder import cache_folder

Function = TypeVar("Function", bound=Callable[..., Any])


class Compiler:
    """Compiles the functions of one package, and keeps them on disk.

    numba notices a change in a function's own file, not in what that function calls from another: hence a
    folder for each state of the sources. It is the user's own, for the installation may be read-only.
    """

    def __init__(self, package: Path, label: str = "") -> None:
        """Take the folder of the sources, and what else tells one compiled form from another."""
        files = sorted(package.rglob("*.py"))
        digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]
        self._folder = cache_folder("code", label + digest)

    def compiled(self, function: Function, **options: Any) -> Function:
        """Return `function` as machine code; divisions by zero give infinities, as in numpy."""
        options |= {"cache": self._folder is not None, "error_model": "numpy"}
        before = config.CACHE_DIR  # type: ignore[attr-defined]
        if self._folder is not None:
            config.CACHE_DIR = str(self._folder)  # type: ignore[attr-defined]
        try:
            decorate: Any = numba.njit
            fast: Any = decorate(**options)(function)
        finally:
            config.CACHE_DIR = before  # type: ignore[attr-defined]
        return cast("Function", fast)
