"""The terms that KiSAO has for what simulates members, for the provenance."""

from __future__ import annotations

import re
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


_NAMED = re.compile(r"(?:^| )(" + "|".join(map(re.escape, _METHODS)) + ")")


def terms_of(ways: Iterable[str]) -> str | None:
    """Return the terms of ways such as `lanes tsit5`, each once and in order; `None` where none has one.

    The method comes after what ran it, and before why that ran it; continuation, for one, has no term.
    """
    found = {_METHODS[named[1]] for named in map(_NAMED.search, ways) if named}
    return ", ".join(sorted(found)) or None
