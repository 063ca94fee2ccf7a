"""When an optimum counts as proven: by its certificate, computed from x and the duals, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bioxen.protocol.metabolic import Certificate
from bioxen.server.engines.metabolic.highs import TOLERANCE
from bioxen.server.engines.metabolic.network import Vector

MAX_RESIDUAL = 1e-8
"""Largest accepted |A·x| and bound violation, relative to the largest flux if that is above 1."""
MAX_GAP = 1e-6
"""Largest accepted duality gap, relative to the objective if that is above 1."""


def proves(certificate: Certificate, x: Vector, value: float) -> bool:
    """Return whether `certificate` proves `value` at `x` within this module's tolerances."""
    gap = np.inf if certificate.duality_gap is None else certificate.duality_gap
    largest = float(np.max(np.abs(x), initial=0.0))
    return is_proof(certificate.residual, certificate.bound_violation, gap, value, largest)


def is_proof(residual: float, excess: float, gap: float, value: float, largest: float) -> bool:
    """Return whether these numbers of a certificate prove `value`; `largest` is the largest flux."""
    allowed = MAX_RESIDUAL * max(1.0, largest)
    return residual <= allowed and excess <= allowed and gap <= MAX_GAP * max(1.0, abs(value))


def proven(proofs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows of the kernel's proofs are any; NaN is none."""
    value, residual, excess, gap, largest = proofs.T
    allowed = MAX_RESIDUAL * np.maximum(1.0, largest)
    small = (residual <= allowed) & (excess <= allowed)
    return np.asarray(small & (gap <= MAX_GAP * np.maximum(1.0, np.abs(value))))


def duality_gap(value: float, x: Vector, slopes: Vector, lower: Vector, upper: Vector) -> float | None:
    """Return |primal − dual objective|; null where the slopes (reduced costs) point to no bound.

    As A·x = 0, the dual objective is what the slopes give at the bounds they press against.
    """
    pressed = np.where(slopes > 0, lower, upper)
    open_ended = np.isinf(pressed)
    if np.any(np.abs(slopes[open_ended]) > 10 * TOLERANCE):
        return None
    return abs(value - float(slopes @ np.where(open_ended, x, pressed)))


def worst(certificates: Sequence[Certificate]) -> Certificate:
    """Return the certificate that holds for all of several answers."""
    return Certificate(
        residual=max((one.residual for one in certificates), default=0.0),
        bound_violation=max((one.bound_violation for one in certificates), default=0.0),
        duality_gap=max((one.duality_gap or 0.0 for one in certificates), default=0.0),
    )


def worst_of(proofs: NDArray[np.float64]) -> list[Certificate]:
    """Return the certificate that holds for all the kernel's proofs, if there are any."""
    if not len(proofs):
        return []
    _, residual, excess, gap, _ = proofs.max(axis=0).tolist()
    return [Certificate(residual=residual, bound_violation=excess, duality_gap=gap)]
