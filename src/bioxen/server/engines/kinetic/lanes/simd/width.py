"""How many ensemble members one machine instruction works on."""

from __future__ import annotations

import os

from llvmlite import binding

from bioxen.errors import ValidationError

_WIDTHS = (2, 4, 8)


def natural_width() -> int:
    """Return the lanes of this machine's widest vector of doubles: 8 with AVX-512, 4 with AVX2, else 2."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 8
    return 4 if features.get("avx2") else 2


def _width() -> int:
    """Return the lanes that `BIOXEN_LANES` asks for, or the machine's own.

    Raises:
        ValidationError: it asks for something else than 2, 4 or 8.
    """
    asked = os.environ.get("BIOXEN_LANES", "")
    if not asked:
        return natural_width()
    if asked not in map(str, _WIDTHS):
        raise ValidationError(
            f"BIOXEN_LANES is {asked!r}; lanes come in vectors of 2, 4 or 8.",
            details={"place": "BIOXEN_LANES", "remedy": "Give 2, 4 or 8, or leave it out."},
        )
    return int(asked)


WIDTH = _width()
"""The lanes that the drivers of this process are compiled for."""
