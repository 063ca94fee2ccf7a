"""How many ensemble members one machine instruction works on."""

from __future__ import annotations

import os

from llvmlite import binding


def natural_width() -> int:
    """Return the lanes of this machine's widest vector of doubles: 8 with AVX-512, 4 with AVX2, else 2."""
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 8
    return 4 if features.get("avx2") else 2


WIDTH = int(os.environ.get("BIOXEN_LANES") or natural_width())
"""The lanes that the drivers of this process are compiled for."""
