"""How differential equations are solved, by name and by KiSAO id."""

from __future__ import annotations

from typing import Literal

Integrator = Literal["auto", "cvode_bdf", "cvode_adams", "lsoda", "radau", "rk45", "dop853"]
"""How differential equations are solved."""

INTEGRATORS: dict[str, Integrator] = {
    "KISAO:0000019": "cvode_bdf",
    "KISAO:0000288": "cvode_bdf",
    "KISAO:0000280": "cvode_adams",
    "KISAO:0000088": "lsoda",
    "KISAO:0000304": "radau",
    "KISAO:0000087": "rk45",
    "KISAO:0000436": "dop853",
}
"""KiSAO id → integrator: CVODE, BDF, Adams-Moulton, LSODA, Radau, Dormand-Prince 5(4) and 8(5,3)."""

IN_TELLURIUM: dict[str, Integrator] = {"cvode": "cvode_bdf"}
"""Tellurium's name → integrator. Its other integrators are processes here, or none."""


def integrator_name(given: object) -> object:
    """Return the integrator that a KiSAO id or Tellurium's name means; anything else as it is."""
    if not isinstance(given, str):
        return given
    return INTEGRATORS.get(given.replace("_", ":")) or IN_TELLURIUM.get(given, given)
