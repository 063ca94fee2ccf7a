"""When the time alone switches something in a model: found before the run, so that no step passes over it.

A comparison of numbers that depend on the time and on no state has the same outcome whatever the integrator
does. Interval arithmetic encloses such a number over a whole stretch of time, rounding included: where the
enclosure decides the comparison, nothing switches in the stretch; where it does not, the stretch is cut.
"""

from __future__ import annotations

from bioxen.server.engines.kinetic.switching.isolate import TooManySwitches, switching_times
from bioxen.server.engines.kinetic.switching.reader import Switches

__all__ = ["Switches", "TooManySwitches", "switching_times"]
