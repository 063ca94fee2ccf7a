"""How the drivers are compiled: they run without the interpreter's lock."""

from __future__ import annotations

from pathlib import Path

from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH
from bioxen.server.engines.machine_code import Compiler, Function

_COMPILER = Compiler(Path(__file__).parent.parent, f"lanes-{WIDTH}-")


def compiled(function: Function) -> Function:
    """Return `function` as machine code, kept on disk."""
    return _COMPILER.compiled(function, nogil=True)


def lean(function: Function) -> Function:
    """Return `function` as machine code that makes no arrays, and so need not count who uses those it has.

    Counting locks memory at every call: a sixth of the time of a small model.
    """
    return _COMPILER.compiled(function, nogil=True, _nrt=False)


def inlined(function: Function) -> Function:
    """Return a lean function to be compiled into its callers: its loops unroll where they pass constants."""
    return _COMPILER.compiled(function, nogil=True, _nrt=False, forceinline=True)
