"""Steady states and their stability."""

from __future__ import annotations

from typing import ClassVar, Literal

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.request import KineticRequest


class SteadyStateRequest(KineticRequest):
    """The steady state that the model settles to, with the eigenvalues that tell whether it is stable."""

    title: ClassVar[str] = "steady state"
    kisao: ClassVar[str | None] = "KISAO:0000407"

    process_code: Literal["kinetic_steady_state"] = "kinetic_steady_state"


class Eigenvalue(Message):
    """One eigenvalue of the Jacobian, 1/model time."""

    real: float
    imaginary: float


class SteadyState(Message):
    """A steady state."""

    residual: float
    """The largest |rate of change| that is left, model unit/model time."""
    eigenvalues: list[Eigenvalue]
    """Of the reduced Jacobian (without conserved moieties)."""
    stable: bool | None
    """Whether every eigenvalue has a negative real part; null where one is zero within rounding."""
