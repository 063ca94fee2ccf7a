"""Whether something is switched on and off again faster than an integrator's steps would see.

An integrator that steps over a whole pulse finds nothing amiss, and so does a second one with steps as long.
Each comparison with the time has its own outcome, though, which differs before and after the pulse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bioxen.server.engines.kinetic.general import Equations
from bioxen.server.engines.kinetic.general.system import System

_RESOLUTION = 1e-12
"""Share of the whole time to which a switch is located."""
_MOST = 200
"""Switches that are looked at; one with more is taken to have a short pulse among them."""


def has_short_pulse(
    equations: Equations, given: Mapping[str, float], span: tuple[float, float], shortest: float
) -> bool:
    """Return whether two switches by the time alone lie closer than `shortest`; `given` are parameters.

    The state is held at its initial values, so only what the time switches is seen; a comparison that has the
    same outcome at both ends of the time is not looked into.
    """
    start, end = span
    system = System(equations, start)
    for name, value in given.items():
        system.values[equations.layout.slots[name]] = value
    state = system.state

    def outcome(time: float) -> tuple[Any, ...]:
        return system.signature(time, state)

    last, time = outcome(end), start
    found: list[float] = []
    while (now := outcome(time)) != last:
        same, other = time, end
        while other - same > _RESOLUTION * (end - start):
            middle = same + (other - same) / 2
            same, other = (middle, other) if outcome(middle) == now else (same, middle)
        if len(found) == _MOST or (found and other - found[-1] < shortest):
            return True
        found.append(other)
        time = other
    return False
