"""How the functions of the kernel are compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bioxen.server.engines.machine_code import Compiler, Function

_COMPILER = Compiler(Path(__file__).parent)
_ARITHMETIC = {"reassoc", "contract", "nsz"}
"""Sums may be taken in several strands, whose order is fixed when they are compiled. NaN and ∞ stay what
they are."""
_OPTIONS: dict[str, Any] = {"fastmath": _ARITHMETIC, "no_cfunc_wrapper": True}


def compiled(function: Function) -> Function:
    """Return `function` as machine code, kept on disk, for compiled functions to call; without threads.

    Nothing leads to it from Python: called from there it ends the process. `entry` is for that.
    """
    return _COMPILER.compiled(function, no_cpython_wrapper=True, **_OPTIONS)


def entry(function: Function) -> Function:
    """Return `function` as machine code that Python may call too."""
    return _COMPILER.compiled(function, **_OPTIONS)
