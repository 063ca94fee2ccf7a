"""Measures the kinetic engine beside libRoadRunner: in turns, one core each, errors with each figure.

Times are CPU seconds of this process; each figure is the median of rounds in which the rivals take turns.
Errors are against libRoadRunner at a relative tolerance of 1e-12, as shares of each variable's largest value.

    OMP_NUM_THREADS=1 python -m benchmarks.kinetic [requests] [rest] [ode] [ssa] [steady] [fits]
"""

from __future__ import annotations

import os
import platform
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one core each, before numpy starts its threads

import llvmlite
import numba
import roadrunner
from benchmarks.kinetic.ensembles import ode, ssa
from benchmarks.kinetic.fits import fits
from benchmarks.kinetic.requests import requests
from benchmarks.kinetic.rest import rest
from benchmarks.kinetic.steady import steady

from bioxen.server.engines.kinetic.lanes.simd.width import WIDTH


def main() -> None:
    """Run the parts that are named, or all."""
    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    print(
        f"{platform.processor() or platform.machine()}, {WIDTH} lanes, Python {platform.python_version()}, "
        f"libRoadRunner {roadrunner.__version__}, numba {numba.__version__}, llvmlite {llvmlite.__version__}"
    )
    parts = {"requests": requests, "rest": rest, "ode": ode, "ssa": ssa, "steady": steady, "fits": fits}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
