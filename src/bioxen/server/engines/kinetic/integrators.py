"""The integrators that a request may choose, and the ladder that `auto` climbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bioxen.protocol.kinetic import Integrator

Solver = Literal["libRoadRunner", "general"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to integrate."""

    integrator: Integrator
    solver: Solver
    method: str
    """The name of the algorithm, as the solver knows it."""
    kisao: str
    steps_at_least: int = 0
    """The smallest number of steps over the whole span, by a limit on the step; 0 for no limit."""
    maximum_num_steps: int = 50_000

    @property
    def name(self) -> str:
        """The rung in words."""
        return self.integrator + (", short steps" if self.steps_at_least else "")


_BDF = Rung("cvode_bdf", "libRoadRunner", "CVODE, BDF", "KISAO:0000288", maximum_num_steps=20_000)
_ADAMS = Rung("cvode_adams", "libRoadRunner", "CVODE, Adams-Moulton", "KISAO:0000280")
_SHORT_BDF = Rung("cvode_bdf", "libRoadRunner", "CVODE, BDF", "KISAO:0000288", steps_at_least=1000)
_SHORT_ADAMS = Rung(
    "cvode_adams", "libRoadRunner", "CVODE, Adams-Moulton", "KISAO:0000280", steps_at_least=1000
)
_LSODA = Rung("lsoda", "general", "LSODA", "KISAO:0000088")
_RADAU = Rung("radau", "general", "Radau", "KISAO:0000304")
_RK45 = Rung("rk45", "general", "RK45", "KISAO:0000087")
_DOP853 = Rung("dop853", "general", "DOP853", "KISAO:0000436")

BY_NAME = {rung.integrator: rung for rung in (_BDF, _ADAMS, _LSODA, _RADAU, _RK45, _DOP853)}
SMOOTH = (_BDF, _ADAMS, _SHORT_BDF, _LSODA)
"""Rungs for models whose rates are continuous."""
JUMPING = (_SHORT_BDF, _LSODA, _SHORT_ADAMS)
"""Rungs for models whose rates jump; the first is compared with `SECOND_OPINION`."""
SECOND_OPINION = _SHORT_ADAMS
GENERAL = (_LSODA, _RADAU)
"""Rungs for models with constructs that libRoadRunner does not run."""
