"""What an answer depends on beside its request: this machine, and every package that is installed.

The last bits of an answer may differ from one processor or library to the next. In memory that cannot matter;
a file may be read by another version, or on another machine.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib.metadata import distributions
from pathlib import Path

import bioxen

PROCESSOR = ("model name", "flags", "Features", "CPU part")
"""Lines of Linux's list of processors that tell which instructions a library chooses."""


def made_by() -> str:
    """Return a sha256 that is another one on another machine, or with other packages or another BioXen."""
    packages = sorted(f"{one.metadata['Name']} {one.version}" for one in distributions())
    parts = [sys.version, platform.platform(), platform.processor(), *_processor(), *packages, _own_source()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _processor() -> list[str]:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return []
    return sorted({line for line in path.read_text().splitlines() if line.startswith(PROCESSOR)})


def _own_source() -> str:
    """Return the sha256 of BioXen itself: while it is worked on, its version stays the same."""
    root = Path(bioxen.__file__).parent
    hashed = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        hashed.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return hashed.hexdigest()
