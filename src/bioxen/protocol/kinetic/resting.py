"""Steady states of many members."""

from __future__ import annotations

from bioxen.protocol.base import Message
from bioxen.protocol.kinetic.arrays import NumberArray


class SteadyMembers(Message):
    """What is known of the steady state of each member, in columns; null for a member that failed."""

    residual: list[float | None]
    """The largest |rate of change| that is left, model unit/model time."""
    stable: list[bool | None]
    """Whether every eigenvalue has a negative real part; null also where one is zero within rounding."""
    settled: list[bool | None]
    """Whether the model settles to it from its initial conditions; else Newton's method found it."""
    rightmost_real: list[float | None]
    """Real part of the rightmost eigenvalue of the reduced Jacobian, 1/model time."""
    rightmost_imaginary: list[float | None]


class ControlMembers(Message):
    """Scaled control coefficients of each member; null where that divides by 0, and for one that failed.

    A part of a summary without quantiles has the moments alone, and null for the arrays.
    """

    reactions: list[str]
    species: list[str]
    """The variables in their natural selection: `[S]` a concentration, `S` an amount."""
    fluxes: NumberArray | None
    """Members × reactions: the steady rates."""
    flux_control: NumberArray | None
    """Members × reactions × reactions: row J, column of the reaction whose rate is changed."""
    concentration_control: NumberArray | None
    """Members × species × reactions."""
