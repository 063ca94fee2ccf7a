"""The terms that KiSAO has for what simulates members, for the provenance."""

from __future__ import annotations

from collections.abc import Iterable

from bioxen.protocol.kinetic.integrators import INTEGRATORS

DIRECT_METHOD = "KISAO:0000029"
TAU_LEAPING = "KISAO:0000039"
STEADY_STATE = "KISAO:0000407"
LOCAL_OPTIMIZATION = "KISAO:0000471"
"""Of the searches that KiSAO has no term of their own for: trust region reflective, L-BFGS-B."""

_METHODS: dict[str, str] = {
    "tsit5": "KISAO:0000435",  # embedded Runge-Kutta 5(4) method
    "rodas5p": "KISAO:0000033",  # Rosenbrock method
    "direct method": DIRECT_METHOD,
    "tau-leaping": TAU_LEAPING,
    "integration, then Newton": STEADY_STATE,
    **{name: term for term, name in INTEGRATORS.items()},
}
"""Method, as the ways of members name it after what runs it → its term."""


def terms_of(ways: Iterable[str]) -> str | None:
    """Return the terms of ways such as `lanes tsit5`, each once and in order; `None` where there is no way.

    Raises:
        KeyError: a way whose method has no term here.
    """
    return ", ".join(sorted({_term(way) for way in ways})) or None


def _term(way: str) -> str:
    """Look at what comes after the name of the solver; what more is there tells why that solver ran."""
    method = way.partition(" ")[2]
    for name, term in _METHODS.items():
        if method.startswith(name):
            return term
    raise KeyError(way)
