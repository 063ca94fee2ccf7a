"""Compiles what requests will call, on a network of three reactions."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from bioxen.server.engines.metabolic.kernel.batch import stopped, variants
from bioxen.server.engines.metabolic.kernel.extremes import extremes
from bioxen.server.engines.metabolic.kernel.front import build_kernel, optimise
from bioxen.server.engines.metabolic.kernel.tableau import AT_UPPER, BASIC, build_tableau
from bioxen.server.engines.metabolic.reduction import reduce


def warm_up() -> None:
    """Load or compile the kernel's entry points; what they answer here is of no interest."""
    matrix = sparse.csc_array(np.array([[1.0, 1.0, -1.0]]))
    lower, upper, cost = np.zeros(3), np.array([1.0, 2.0, 9.0]), np.array([0.0, 0.0, -1.0])
    statuses = np.array([AT_UPPER, AT_UPPER, BASIC], dtype=np.int8)
    tableau = build_tableau(matrix, cost, statuses, np.zeros(1, dtype=np.int8))
    assert tableau is not None  # noqa: S101 - for the types: this one is not too large
    kernel = build_kernel(matrix, reduce(matrix), tableau)
    room = np.zeros((0, 3), dtype=np.bool_)
    _, proof = optimise(kernel, lower, upper, cost, np.empty(3))
    variants(kernel, lower, upper, cost, stopped([[0]]), np.zeros(1, np.int64), np.zeros((1, 5)), room)
    wanted, found = np.ones(3, np.bool_), np.full((2, 3), np.nan)
    extremes(kernel, lower, upper, proof, wanted, found, (1.0, 1.0), np.zeros(5))
